"""Control planes that outlive the command that starts them, by name."""

import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.build import build, cache
from cluster.control_plane import ControlPlane
from cluster.node import Node, clean


def up(name: str, *, node: bool) -> None:
    """Start the cluster `name`, unless it runs; ready on return.

    Raises:
        RuntimeError: it did not start, with the end of its log.
    """
    build(node=node)
    home = _home(name)
    if running(name):
        return
    _forget(home)
    home.mkdir(parents=True)
    log = home / "cluster.log"
    command = [sys.executable, "-m", "cluster", "serve", f"--name={name}", *(["--node"] if node else [])]
    with log.open("w") as words:
        daemon = subprocess.Popen(
            command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words
        )
    if daemon.stdout is None or daemon.stdout.readline() != b"ready\n":
        raise RuntimeError(f"the cluster {name} did not start:\n{log.read_text()}")


def serve(name: str, *, node: bool) -> None:
    """Be the cluster `name` until SIGTERM; say ``ready`` on standard output once it serves."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    kind = Node if node else ControlPlane
    with _held(name), kind(build(node=node), _home(name)) as cluster:
        cluster.controllers.start()
        cluster.scheduler.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        signal.pause()


def down(name: str) -> bool:
    """End the cluster `name` and forget its state; whether it ran."""
    pid = running(name)
    if pid is not None:
        end = os.pidfd_open(pid)
        try:
            os.kill(pid, signal.SIGTERM)
            select.select([end], [], [])
        finally:
            os.close(end)
    _forget(_home(name))
    return pid is not None


def running(name: str) -> int | None:
    """The process that is the cluster `name`."""
    lock = _lock(name)
    if not lock.exists():
        return None
    with lock.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read())
    return None


def kubeconfig(name: str) -> Path:
    """Of the administrator of the cluster `name`."""
    return _home(name) / "admin.kubeconfig"


@contextmanager
def _held(name: str) -> Iterator[None]:
    """While it runs, a cluster holds its lock, which tells it from one whose process was killed."""
    with _lock(name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _forget(home: Path) -> None:
    if (home / "containerd").exists():
        clean(home)
    shutil.rmtree(home, ignore_errors=True)


def _home(name: str) -> Path:
    return cache() / "running" / name


def _lock(name: str) -> Path:
    return cache() / "running" / f"{name}.lock"
