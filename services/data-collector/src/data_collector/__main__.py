"""``python -m data_collector``: the process of the data-collector, configured by its environment alone; ``--help`` lists it."""

import sys

from data_collector.settings import CollectorSettings
from data_collector.wiring import collector_service
from tidewright.serving.process import served

_USAGE = "python -m data_collector: collects trades and bars onto the streams."


def main(arguments: list[str]) -> int:
    return served(arguments, _USAGE, CollectorSettings, collector_service)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
