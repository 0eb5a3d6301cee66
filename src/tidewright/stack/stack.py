"""All of it: what is started in which order, kept running, and ended in the opposite order."""

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Self

from tidewright.serving.local_service import LocalService
from tidewright.stack.probes import exchange_ready, service_ready
from tidewright.stack.process import KeptProcess, Look
from tidewright.stack.servers import KeptServer, own_postgres, own_redis
from tidewright.stack.services import Installed, Ports, StackRefused, asked_for, environment_of, lacking

HOST = "127.0.0.1"

_OPTIONS = {"streams": "--streams", "database": "--database", "exchange": "--exchange", "strategy": "--strategy"}
"""What brings each name that a service may need."""

_MIGRATED = 120.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be started: in `folder` is everything that outlives it; URLs that are empty are of servers of our own.

    `exchange` is what ``tidewright exchange`` is told; where it is empty, there is none. `only` names the services, by default all. With `free_ports`
    each listens on ports that are free now, instead of those of docs/services.md.
    """

    folder: Path
    streams: str = ""
    database: str = ""
    exchange: Sequence[str] = ()
    strategy: Path | None = None
    only: Sequence[str] = ()
    free_ports: bool = False
    outside: Mapping[str, str] = field(default_factory=dict)


class Stack:
    """What is wanted, running while it is entered. Raises StackRefused, and what servers raise that do not start.

    To be turned now and then, which starts what is due and sees how everything stands.
    """

    def __init__(self, wanted: Wanted, installed: Installed) -> None:
        self._wanted = wanted
        chosen = _chosen(wanted.only, [*installed.services, *installed.broken])
        self._services = {name: service for name, service in installed.services.items() if name in chosen}
        self._servers: list[KeptServer] = []
        self._exchange: KeptProcess | None = None
        self._processes: list[KeptProcess] = []
        self._off = [Look(name, "off", why) for name, why in installed.broken.items() if name in chosen]
        self._held = ExitStack()
        self.known: dict[str, str] = {}

    @property
    def looks(self) -> list[Look]:
        """How everything stands."""
        servers, processes = [server.look for server in self._servers], [process.look for process in self._started]
        return servers + processes + self._off

    @property
    def _started(self) -> list[KeptProcess]:
        return ([self._exchange] if self._exchange else []) + self._processes

    def __enter__(self) -> Self:
        with ExitStack() as held:
            self._lock(held)
            held.callback(self._stop)
            self._start()
            self._held = held.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def turn(self) -> None:
        """See how everything stands, and start what is due."""
        for server in self._servers:
            server.turn()
        for process in self._started:
            process.turn()

    def _start(self) -> None:
        wanted = set().union(*(asked_for(service, self._wanted.outside) for service in self._services.values()))
        self.known = {"strategy": str(self._wanted.strategy.resolve())} if self._wanted.strategy else {}
        if "streams" in wanted:
            self.known["streams"] = self._wanted.streams or self._server(own_redis(self._wanted.folder / "redis"))
        if "database" in wanted:
            self.known["database"] = self._wanted.database or self._database()
        if self._wanted.exchange:
            self._exchange = self._local_exchange()
        for name, service in self._services.items():
            self._prepare(name, service)

    def _server(self, server: KeptServer) -> str:
        server.start()
        self._servers.append(server)
        return server.url

    def _database(self) -> str:
        """PostgreSQL of our own, with the schema as it should be. Raises StackRefused."""
        url = self._server(own_postgres(self._wanted.folder / "postgres"))
        command = [sys.executable, "-m", "tidewright.cli", "db", "upgrade", "--url", url]
        made = subprocess.run(command, capture_output=True, text=True, timeout=_MIGRATED, check=False)  # noqa: S603
        if made.returncode != 0:
            raise StackRefused(f"the schema cannot be made:\n{made.stderr.strip() or made.stdout.strip()}")
        return url

    def _local_exchange(self) -> KeptProcess:
        port = _free_port()
        command = [
            sys.executable,
            "-m",
            "tidewright.cli",
            "exchange",
            *self._wanted.exchange,
            "--host",
            HOST,
            "--port",
            str(port),
        ]
        self.known["exchange"] = f"{HOST}:{port}"
        log = self._wanted.folder / "logs/exchange.log"
        environment = {"PYTHONUNBUFFERED": "1", **self._wanted.outside}
        return KeptProcess(
            "exchange", command, environment, log, partial(exchange_ready, HOST, port), f"http://{HOST}:{port}"
        )

    def _prepare(self, name: str, service: LocalService) -> None:
        folder = self._wanted.folder / name
        known = self.known | {"folder": str(folder)}
        if missing := lacking(service, known, self._wanted.outside):
            options = " and ".join(_OPTIONS.get(one, f"a LocalService that knows {{{one}}}") for one in missing)
            self._off.append(Look(name, "off", f"needs {options}"))
            return
        folder.mkdir(parents=True, exist_ok=True)
        ports = (
            Ports(_free_port(), _free_port())
            if self._wanted.free_ports
            else Ports(8_000 + service.number, 9_000 + service.number)
        )
        environment = environment_of(service, known, self._wanted.outside, HOST, ports)
        process = KeptProcess(
            name,
            [sys.executable, "-m", service.module],
            environment,
            self._wanted.folder / f"logs/{name}.log",
            partial(service_ready, HOST, ports.rest),
            f"http://{HOST}:{ports.rest}, gRPC {ports.grpc}",
        )
        self._processes.append(process)

    def _stop(self) -> None:
        """Services first, so that they can write what they hold; then the exchange; then the servers."""
        for process in self._processes:
            process.tell_to_stop()
        for process in self._processes:
            process.stopped()
        if self._exchange:
            self._exchange.tell_to_stop()
            self._exchange.stopped()
        for server in reversed(self._servers):
            server.stop()

    def _lock(self, held: ExitStack) -> None:
        self._wanted.folder.mkdir(parents=True, exist_ok=True)
        lock = held.enter_context((self._wanted.folder / "lock").open("a+"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StackRefused(
                f"another `tidewright up` (process {lock.read().strip() or '?'}) runs in {self._wanted.folder}; stop it, or name another --folder"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()


def _chosen(only: Sequence[str], services: Sequence[str]) -> list[str]:
    """Raises StackRefused."""
    for name in only:
        if name not in services:
            near = get_close_matches(name, services, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise StackRefused(f"there is no service {name!r}.{hint} Installed are {', '.join(services) or 'none'}.")
    return [name for name in services if not only or name in only]


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
