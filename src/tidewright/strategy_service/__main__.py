"""``python -m tidewright.strategy_service``: the process that serves a user's own strategy, configured by its environment alone; ``--help`` lists it."""

import os
import sys

from tidewright.serving.process import served
from tidewright.strategy_service.settings import StrategySettings
from tidewright.strategy_service.wiring import strategy_service

_USAGE = "python -m tidewright.strategy_service: serves a strategy class to who backtests it."


def main(arguments: list[str]) -> int:
    return served(arguments, _USAGE, StrategySettings, lambda settings, metrics: strategy_service(settings))


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a strategy that never returns would be waited for
