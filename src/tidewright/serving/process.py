"""What ``python -m`` of a service does: it is told by its environment, serves, and says by its exit code how that ended."""

import sys
from collections.abc import Callable, Sequence

from tidewright.serving.host import REFUSED, run
from tidewright.serving.metrics import Metrics
from tidewright.serving.service import Service
from tidewright.serving.settings import Settings, SettingsRefused, described, settings_of


def served(
    arguments: Sequence[str],
    usage: str,
    kind: type[Settings],
    service: Callable[[Settings, Metrics], Service],
    refusals: tuple[type[Exception], ...] = (),
) -> int:
    """Serve until told to stop; the exit code.

    With ``--help`` the settings are listed instead, and any other argument is refused with the same. What is in `refusals`, and SettingsRefused, only a change outside can mend.
    """
    if arguments:
        print(f"{usage} It is told by its environment:\n\n{described(kind)}")  # noqa: T201
        return 0 if arguments == ["--help"] else REFUSED
    refused: tuple[type[Exception], ...] = (SettingsRefused, *refusals)
    try:
        settings = settings_of(kind)
        return run(lambda metrics: service(settings, metrics), settings)
    except refused as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED
