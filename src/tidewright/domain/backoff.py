"""How long to wait between attempts that fail."""

from collections.abc import Callable

_MOST_DOUBLINGS = 60


def pause_after(failures: int, first: float, longest: float, drawn: float) -> float:
    """The pause after so many failures in a row, one or more: it doubles from `first` up to `longest`, and is between half and all of that.

    `drawn` in [0, 1) says where, so that those who lost the same server do not all come back to it at once.
    """
    return min(longest, first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)) * (0.5 + 0.5 * drawn)


class Backoff:
    """The pauses of one who tries again for ever; `draw` gives numbers in [0, 1)."""

    def __init__(self, first: float, longest: float, draw: Callable[[], float]) -> None:
        self._first = first
        self._longest = longest
        self._draw = draw
        self._failures = 0

    def failed(self) -> float:
        """One more attempt has failed: how long to wait before the next, in the unit of `first`."""
        self._failures += 1
        return pause_after(self._failures, self._first, self._longest, self._draw())

    def succeeded(self) -> None:
        """The next pause is the first again."""
        self._failures = 0
