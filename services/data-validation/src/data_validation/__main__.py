"""``python -m data_validation``: the process of the service, configured by its environment alone; ``--help`` lists it."""

import sys

from data_validation.settings import ValidationSettings
from data_validation.wiring import validation_service
from tidewright.adapters.file_url import UrlRefused
from tidewright.serving.host import REFUSED, run
from tidewright.serving.settings import SettingsRefused, described, settings_of

_USAGE = "python -m data_validation: judges market data between the collector and everyone else. It is told by its environment:"


def main(arguments: list[str]) -> int:
    if arguments:
        print(f"{_USAGE}\n\n{described(ValidationSettings)}")  # noqa: T201
        return 0 if arguments == ["--help"] else REFUSED
    try:
        settings = settings_of(ValidationSettings)
        return run(lambda metrics: validation_service(settings, metrics), settings)
    except (SettingsRefused, UrlRefused) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
