"""What data-validation is told by its environment."""

import socket
from typing import Annotated

from pydantic import Field

from tidewright.serving.settings import ServingSettings


class ValidationSettings(ServingSettings):
    """Beside what every service is told: where the streams and the archive are."""

    streams: str = "memory:"
    """Where the streams are: redis://HOST:6379/0, or memory: for this process alone."""
    archive: str = "memory:"
    """Where the archive is: postgresql://USER@HOST/DATABASE, or memory: for as long as this process lives."""
    consumer: Annotated[str, Field(min_length=1, max_length=80)] = socket.gethostname()
    """Name among those who stand ready to do the work, one at a time. Nobody else's; the same after a restart, or what was begun waits for half a minute."""
    batch: Annotated[int, Field(ge=1, le=10_000)] = 500
    """The most messages that are judged at a time."""
