"""The optimizer with studies' processes that follow a script, or whatever command its arguments are."""

import sys

import scripted_study

from optuna_optimizer import processes
from optuna_optimizer.settings import OptimizerSettings
from optuna_optimizer.wiring import optimizer_service
from tidewright.serving.host import run
from tidewright.serving.settings import settings_of

if __name__ == "__main__":
    processes.PATIENCE, processes._FIRST_PAUSE = 0.5, 0.01
    command = tuple(sys.argv[1:]) or (sys.executable, scripted_study.__file__)
    settings = settings_of(OptimizerSettings)
    sys.exit(run(lambda metrics: optimizer_service(settings, metrics, command), settings))
