"""``python -m optuna_optimizer``: the process of the optimizer, configured by its environment alone; ``--help`` lists it."""

import sys

from optuna_optimizer.settings import OptimizerSettings
from optuna_optimizer.wiring import optimizer_service
from tidewright.serving.process import served

_USAGE = "python -m optuna_optimizer: searches strategies' parameters for whoever asks over REST or gRPC."


def main(arguments: list[str]) -> int:
    return served(arguments, _USAGE, OptimizerSettings, optimizer_service)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
