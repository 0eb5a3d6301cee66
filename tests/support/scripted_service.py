"""The backtest service with workers that follow a script."""

import sys

import scripted_worker

from backtest_engine.settings import BacktestSettings
from backtest_engine.wiring import backtest_service
from tidewright.serving.host import run
from tidewright.serving.settings import settings_of

if __name__ == "__main__":
    command = tuple(sys.argv[1:]) or (sys.executable, scripted_worker.__file__)
    settings = settings_of(BacktestSettings)
    sys.exit(run(lambda metrics: backtest_service(settings, metrics, command), settings))
