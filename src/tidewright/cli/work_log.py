"""What a worker says while it works: one JSON document an event, or words on a terminal."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO


class WorkLog:
    """Writes events to a stream; a stream that cannot be written to is no reason to fail."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._for_a_person = stream.isatty()

    def tell(self, event: str, message: str, level: str = "info", **facts: Any) -> None:  # noqa: ANN401 - JSON values
        """One event: its name for scripts, what it means in words, and what else is known."""
        now = datetime.now(UTC)
        if self._for_a_person:
            percent = f"{facts['percent']:>3} %  " if "percent" in facts else ""
            line = f"{now.astimezone():%H:%M:%S}  {percent}{message}"
        else:
            moment = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            line = json.dumps({"timestamp": moment, "level": level, "event": event, "message": message, **facts})
        with suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()
