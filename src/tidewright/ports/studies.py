"""Where the trials of studies are kept, for any number of workers at a time."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from tidewright.domain.trials import Trial


class StudyRefused(ValueError):
    """The name is that of another study: the message names the first field that differs, and the remedy."""


class StudyNotFound(LookupError):
    """There is no study of that name."""


class Claim(NamedTuple):
    """Trials that one worker has taken on: numbers from `first` to `stop`, which is exclusive; `attempt` counts how often the first has been taken on, from 1."""

    first: int
    stop: int
    attempt: int

    @property
    def numbers(self) -> range:
        """The numbers."""
        return range(self.first, self.stop)


class Counts(NamedTuple):
    """How many trials there are of each state."""

    complete: int
    pruned: int
    failed: int
    infeasible: int

    @property
    def done(self) -> int:
        """All of them."""
        return self.complete + self.pruned + self.failed


class StudyStore(Protocol):
    """Trials by the key of their study. Every call may be repeated without harm, and blocks; threads may share a store.

    A store that is away is asked again for a while; then ArchiveUnavailable is raised, and nothing that was acknowledged is lost.
    """

    def open(self, key: str, definition: Mapping[str, Any]) -> None:
        """Begin the study, or join it where it is there with the same definition (JSON values). Raises StudyRefused where it has another."""
        ...

    def definition(self, key: str) -> Mapping[str, Any]:
        """What it was begun with. Raises StudyNotFound."""
        ...

    def put(self, key: str, trials: Sequence[Trial]) -> int:
        """Keep trials; the first result of a number stays. How many were new. Raises StudyNotFound."""
        ...

    def trials(self, key: str, *, tables: bool = True) -> list[Trial]:
        """All trials, by number; without `tables` their figures and returns are left out, which is much less to read."""
        ...

    def trial(self, key: str, number: int) -> Trial | None:
        """One of them."""
        ...

    def counts(self, key: str, below: int) -> Counts:
        """How many trials there are with a number below `below`."""
        ...

    def claim(self, key: str, worker: str, below: int, most: int, lease: float) -> Claim | None:
        """Take on the first numbers below `below`, neighbours and at most `most` of them, that have no trial and nobody's claim, for `lease` seconds; None where there are none.

        A claim that has expired is anybody's.
        """
        ...

    def hold(self, key: str, worker: str, number: int, lease: float) -> None:
        """Take on one number, or keep it for `lease` seconds more."""
        ...

    def renew(self, key: str, worker: str, lease: float) -> None:
        """Keep all that a worker has taken on for `lease` seconds from now."""
        ...

    def let_go(self, key: str, worker: str) -> None:
        """Give up all claims of a worker; what it has put stays."""
        ...

    def held(self, key: str) -> list[int]:
        """The numbers that are claimed, and have not expired, and have no trial yet."""
        ...

    def append(self, key: str, batch: str, entries: Sequence[bytes], after: int) -> list[bytes]:
        """Append to the study's journal, once for a `batch` however often it is asked for; all entries from number `after` on, these among them."""
        ...

    def entries(self, key: str, after: int) -> list[bytes]:
        """The journal from entry number `after` on; entries count from 0."""
        ...

    def delete(self, key: str) -> bool:
        """Remove a study and all of it; whether it was there."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""
        ...
