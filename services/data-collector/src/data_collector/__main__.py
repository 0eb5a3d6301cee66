"""``python -m data_collector``: the process of the data-collector, configured by its environment alone; ``--help`` lists it."""

import sys

from data_collector.settings import CollectorSettings
from data_collector.wiring import collector_service
from tidewright.adapters.file_url import UrlRefused
from tidewright.serving.host import REFUSED, run
from tidewright.serving.settings import SettingsRefused, described, settings_of

_USAGE = "python -m data_collector: collects trades and bars onto the streams. It is told by its environment:"


def main(arguments: list[str]) -> int:
    if arguments:
        print(f"{_USAGE}\n\n{described(CollectorSettings)}")  # noqa: T201
        return 0 if arguments == ["--help"] else REFUSED
    try:
        settings = settings_of(CollectorSettings)
        return run(lambda metrics: collector_service(settings, metrics), settings)
    except (SettingsRefused, UrlRefused) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
