"""A process that is kept running."""

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tidewright.adapters.child_process import ChildProcess

REFUSED = 2
"""The exit code of a service that only a change outside can help."""

_FIRST_PAUSE, _LONGEST_PAUSE, _SETTLED = 1.0, 30.0, 60.0
_BETWEEN_PROBES = 1.0
_GRACE = 30.0
_TAIL = 4_096

Probe = Callable[[], str | None]
"""Says why something is not ready; an empty text where it is, None where nothing answers."""


@dataclass(frozen=True, slots=True)
class Look:
    """How something stands: `state` in a word, `detail` in a few more, and the last line of its log."""

    name: str
    state: str
    detail: str = ""
    address: str = ""
    restarts: int = 0
    line: str = ""


class KeptProcess:
    """`command`, started again when it ends by itself: after a second at first, after thirty at most, and at once anew when it had run for a minute.

    One that ends with `REFUSED` is left alone: only a change outside can help it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        probe: Probe,
        address: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.restarts = name, 0
        self._command, self._environment, self._log, self._address = command, environment, log, address
        self._probe, self._now = probe, clock
        self._process: ChildProcess | None = None
        self._state, self._detail = "starting", ""
        self._started = self._probed = 0.0
        self._due: float | None = 0.0
        self._failures = 0

    @property
    def look(self) -> Look:
        """How it stands."""
        return Look(self.name, self._state, self._detail, self._address, self.restarts, last_line(self._log))

    @property
    def pid(self) -> int | None:
        """While it runs."""
        return self._process.pid if self._process and self._process.code is None else None

    def turn(self) -> None:
        """See how it stands, and start it where that is due."""
        now = self._now()
        if self._process is None:
            if self._due is not None and now >= self._due:
                self._start(now)
        elif self._process.code is not None:
            self._ended(self._process.code, now)
        elif now - self._probed >= _BETWEEN_PROBES:
            self._probed = now
            self._heard(self._probe())

    def tell_to_stop(self) -> None:
        """It may take its time, see `stopped`; it is not started again."""
        self._due = None
        if self._process:
            self._process.tell_to_stop()

    def stopped(self) -> None:
        """Wait for its end, and insist on it after a while."""
        if self._process:
            self._process.wait(_GRACE)
            self._process = None
            self._state, self._detail = "stopped", ""

    def _start(self, now: float) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._process = ChildProcess(self._command, self._log, self._environment)
        self._state, self._detail = "starting", ""
        self._started, self._probed = now, 0.0

    def _ended(self, code: int, now: float) -> None:
        self._process = None
        if code == REFUSED:
            self._due = None
            self._state, self._detail = "refused", "mend what its log says, then start anew"
            return
        self._failures = 1 if now - self._started > _SETTLED else self._failures + 1
        pause = min(_FIRST_PAUSE * 2 ** (self._failures - 1), _LONGEST_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads them
        self._due = now + pause
        self.restarts += 1
        self._state, self._detail = "ended", f"{ending(code)}; starts again in {pause:.0f} s"

    def _heard(self, reason: str | None) -> None:
        if reason is not None:
            self._state, self._detail = ("not ready", reason) if reason else ("ready", "")
        elif self._state != "starting":
            self._state, self._detail = "not ready", "does not answer"


def ending(code: int) -> str:
    """What an exit code of a shell means."""
    return f"killed by signal {code - 128}" if code > 128 else f"exit code {code}"


def last_line(log: Path) -> str:
    """The last line of a log, of JSON its words."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    line = next((line for line in reversed(lines) if line.strip()), "")
    try:
        told = json.loads(line)
    except ValueError:
        return line
    if not isinstance(told, dict):
        return line
    words = [str(told.pop(name, "")) for name in ("event", "message")]
    rest = (
        f"{name}={value}" for name, value in told.items() if name not in {"timestamp", "level", "service", "logger"}
    )
    return " ".join(filter(None, (*words, *rest)))
