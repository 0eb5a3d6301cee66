"""``python -m tidewright.strategy_service``: the process that serves a user's own strategy, configured by its environment alone; ``--help`` lists it."""

import os
import sys

from tidewright.serving.host import REFUSED, run
from tidewright.serving.settings import SettingsRefused, described, settings_of
from tidewright.strategy_service.settings import StrategySettings
from tidewright.strategy_service.wiring import strategy_service

_USAGE = (
    "python -m tidewright.strategy_service: serves a strategy class to who backtests it. It is told by its environment:"
)


def main(arguments: list[str]) -> int:
    if arguments:
        print(f"{_USAGE}\n\n{described(StrategySettings)}")  # noqa: T201
        return 0 if arguments == ["--help"] else REFUSED
    try:
        settings = settings_of(StrategySettings)
    except SettingsRefused as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED
    return run(lambda metrics: strategy_service(settings), settings)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a strategy that never returns would be waited for
