"""Servers as child processes that never outlive their owner, and ports for them."""

import secrets
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

PATIENCE = 10.0
"""Seconds that a server has to stop before it is killed."""


class Processes:
    """A context manager: processes that all end when their owner leaves it, or ends however it may.

    They share a process group whose first member waits for the end of a pipe that the owner alone holds open, and then kills the group:
    that works after SIGKILL, from any thread, and for processes started later.
    """

    def __init__(self) -> None:
        self._members: list[Process] = []
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", "read _; kill -KILL 0"],
            process_group=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self._watchdog is not None:
            with self._watchdog:  # leaving it closes the pipe, and waits
                pass
            self._watchdog = None
        for member in self._members:
            member.kill()

    @property
    def group(self) -> int:
        """The process group."""
        if self._watchdog is None:
            raise RuntimeError("processes start inside of the context only")
        return self._watchdog.pid

    def process(self, name: str, command: Sequence[str], log: Path) -> "Process":
        """A process that is not started yet."""
        member = Process(name, command, log, self)
        self._members.append(member)
        return member


class Process:
    """One server: started, ended and started again, its output kept in a file."""

    def __init__(self, name: str, command: Sequence[str], log: Path, owner: Processes) -> None:
        self.name = name
        self.command = tuple(command)
        self.log = log
        self._owner = owner
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    def start(self) -> None:
        """Start it, unless it runs.

        Raises:
            FileNotFoundError: its program is not there.
        """
        if not self.running:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    self.command, process_group=self._owner.group, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )

    def stop(self) -> None:
        """End it as a system that shuts down would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, blow: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(blow)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""


def free_port() -> int:
    """A free port of loopback from below the range of outgoing connections.

    There no other connection takes it while its server restarts, and a client that dials it meanwhile never meets itself.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = secrets.choice(range(10_000, lowest))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
