"""``python -m tidewright.signals``: the process of the signal service, configured by its environment alone; ``--help`` lists it."""

import sys

from tidewright.adapters.file_url import UrlRefused
from tidewright.domain.strategies.evaluation import StrategyUnreachable
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.runs.refusal import InputRefused
from tidewright.serving.host import REFUSED, run
from tidewright.serving.settings import SettingsRefused, described, settings_of
from tidewright.signals.settings import SignalSettings
from tidewright.signals.wiring import signal_service

_USAGE = "python -m tidewright.signals: serves a TradingStrategy's signals. It is told by its environment:"


def main(arguments: list[str]) -> int:
    if arguments:
        print(f"{_USAGE}\n\n{described(SignalSettings)}")  # noqa: T201
        return 0 if arguments == ["--help"] else REFUSED
    try:
        settings = settings_of(SignalSettings)
        return run(lambda metrics: signal_service(settings, metrics), settings)
    except (SettingsRefused, InputRefused, StrategyError, UrlRefused) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED
    except StrategyUnreachable as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
