"""How far a piece of work is, in a file that others may look at."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tidewright.adapters.atomic import atomic_write
from tidewright.adapters.file_url import path_of
from tidewright.specs.status import Progress


def progress_to(url: str) -> Callable[[Progress], None]:
    """Writes progress as JSON to the file at a ``file://`` URL, whole or not at all, and best effort. Raises UrlRefused."""
    path = path_of(url)

    def write(temporary: Path, progress: Progress) -> None:
        temporary.write_text(json.dumps(progress.record()) + "\n", encoding="utf-8")

    def tell(progress: Progress) -> None:
        with suppress(OSError):
            atomic_write(path, lambda temporary: write(temporary, progress))

    return tell
