"""``python -m data_validation``: the process of the service, configured by its environment alone; ``--help`` lists it."""

import sys

from data_validation.settings import ValidationSettings
from data_validation.wiring import validation_service
from tidewright.serving.process import served

_USAGE = "python -m data_validation: judges market data between the collector and everyone else."


def main(arguments: list[str]) -> int:
    return served(arguments, _USAGE, ValidationSettings, validation_service)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
