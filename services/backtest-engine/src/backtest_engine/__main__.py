"""``python -m backtest_engine``: the process of the backtest service, configured by its environment alone; ``--help`` lists it."""

import sys

from backtest_engine.settings import BacktestSettings
from backtest_engine.wiring import backtest_service
from tidewright.serving.process import served

_USAGE = "python -m backtest_engine: runs backtests for whoever asks over REST or gRPC."


def main(arguments: list[str]) -> int:
    return served(arguments, _USAGE, BacktestSettings, backtest_service)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
