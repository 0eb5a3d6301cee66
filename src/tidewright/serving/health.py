"""Whether a process is alive, and whether it is ready to be asked."""

from collections.abc import Callable


class Health:
    """Alive is whoever answers; ready is whoever has started, is not stopping, and has no problem of its own.

    `problem` says why a service is not ready, with the remedy, and nothing when it is.
    """

    def __init__(self, problem: Callable[[], str]) -> None:
        self._problem = problem
        self._started = False
        self._stopping = False

    def started(self) -> None:
        self._started = True

    def stopping(self) -> None:
        self._stopping = True

    @property
    def reason(self) -> str:
        """Why it is not ready; empty when it is."""
        if self._stopping:
            return "the service is stopping"
        if not self._started:
            return "the service is starting"
        return self._problem()
