"""``python -m backtest_engine``: the process of the backtest service, configured by its environment alone; ``--help`` lists it."""

import sys

from backtest_engine.settings import BacktestSettings
from backtest_engine.wiring import backtest_service
from tidewright.serving.host import REFUSED, run
from tidewright.serving.settings import SettingsRefused, described, settings_of

_USAGE = "python -m backtest_engine: runs backtests for whoever asks over REST or gRPC. It is told by its environment:"


def main(arguments: list[str]) -> int:
    if arguments:
        print(f"{_USAGE}\n\n{described(BacktestSettings)}")  # noqa: T201
        return 0 if arguments == ["--help"] else REFUSED
    try:
        settings = settings_of(BacktestSettings)
        return run(lambda metrics: backtest_service(settings, metrics), settings)
    except SettingsRefused as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
