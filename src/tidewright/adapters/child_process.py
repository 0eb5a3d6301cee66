"""A process that ends with the one that started it, however that ends, and that Ctrl-C on the terminal leaves alone."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_KEEPER = """
exec 3<&0
"$@" >&2 </dev/null 3<&- &
child=$!
echo "$child"
(exec >&-; read -r _ <&3; kill "$child") &
watcher=$!
exec >&- 3<&-
wait "$child"
code=$?
kill "$watcher"
exit "$code"
"""
"""A shell that keeps the process: when the pipe on its standard input closes, the process is told to stop; when the process ends, so does the shell."""


class ChildProcess:
    """`command`, which appends what it says to the file `log`. It runs in a session of its own; once this process is gone, killed even, it is sent SIGTERM.

    `holding` are file descriptors that it keeps open, for the locks on them. Raises OSError where the log cannot be written.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        holding: Sequence[int] = (),
    ) -> None:
        with log.open("ab") as output:
            self._keeper = subprocess.Popen(  # noqa: S603
                ["/bin/sh", "-c", _KEEPER, "keeper", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=None if environment is None else dict(environment),
                pass_fds=holding,
                start_new_session=True,
            )
        assert self._keeper.stdout is not None  # noqa: S101
        with self._keeper.stdout as told:
            self.pid = int(told.readline())

    @property
    def code(self) -> int | None:
        """How it ended, as a shell tells it (128 and the signal that killed it); None while it runs."""
        code = self._keeper.poll()
        if code is not None:
            self._forget()
        return code

    def tell_to_stop(self) -> None:
        """Returns at once."""
        self._send(signal.SIGTERM)

    def wait(self, patience: float) -> int:
        """Wait until it has ended, and end it after `patience` seconds; how it ended."""
        try:
            code = self._keeper.wait(patience)
        except subprocess.TimeoutExpired:
            self._send(signal.SIGKILL)
            code = self._keeper.wait()
        self._forget()
        return code

    def kill(self) -> None:
        """End it as a crash would."""
        self._send(signal.SIGKILL)
        self._keeper.wait()
        self._forget()

    def _send(self, number: signal.Signals) -> None:
        if self._keeper.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _forget(self) -> None:
        if self._keeper.stdin:
            self._keeper.stdin.close()
