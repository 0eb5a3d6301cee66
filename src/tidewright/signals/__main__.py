"""``python -m tidewright.signals``: the process of the signal service, configured by its environment alone; ``--help`` lists it."""

import sys

from tidewright.domain.strategies.evaluation import StrategyUnreachable
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.runs.refusal import InputRefused
from tidewright.serving.process import served
from tidewright.signals.settings import SignalSettings
from tidewright.signals.wiring import signal_service

_USAGE = "python -m tidewright.signals: serves a TradingStrategy's signals."


def main(arguments: list[str]) -> int:
    try:
        return served(arguments, _USAGE, SignalSettings, signal_service, (InputRefused, StrategyError))
    except StrategyUnreachable as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
