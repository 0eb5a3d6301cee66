"""The servers of a cluster, compiled from their Go modules once per content of `servers/`."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).parent / "servers"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
"""What the binary `kube` is, by the name it is called as."""

OLDEST_GO = (1, 21)
"""From here on Go fetches by itself the version that go.mod names."""


class NoGo(Exception):
    """There is no Go that can compile the servers."""


def cache() -> Path:
    """Where clusters and their servers are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidewright" / "cluster"


def built(*, node: bool = False) -> Path | None:
    """The folder of the compiled servers, if they were compiled from what is in `servers/` now."""
    folder = _folder()
    return folder if all((folder / command).exists() for command in _commands(node)) else None


def build(*, node: bool = False) -> Path:
    """The folder of the compiled servers; what is missing is compiled, by one process at a time.

    Five to eight minutes on two cores from nothing, under a minute where Go has compiled their modules before.

    Raises:
        NoGo: Go is missing, or older than 1.21.
        RuntimeError: the compiler refuses.
    """
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in _commands(node):
            if not (folder / command).exists():
                _compile(command, folder)
    for program in PROGRAMS:
        if not (folder / program).exists():
            (folder / program).symlink_to("kube")
    return folder


def _commands(node: bool) -> tuple[str, ...]:
    return ("kube", "coredns", "pause") if node else ("kube",)


def digest(folder: Path) -> str:
    """Of the content of all files below `folder`, in sixteen digits."""
    content = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return content.hexdigest()[:16]


def _folder() -> Path:
    return cache() / "servers" / digest(SOURCES)


def _compile(command: str, folder: Path) -> None:
    version = go(SOURCES, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").strip()
    major, minor, _ = version.removeprefix("v").split(".")
    package = "k8s.io/component-base/version"
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    flags = " ".join(["-s", "-w", *(f"-X {package}.{name}={value}" for name, value in stamps.items())])
    unfinished = folder / f"{command}.unfinished"
    go(SOURCES, "build", "-mod=readonly", "-ldflags", flags, "-o", str(unfinished), f"./{command}")
    unfinished.replace(folder / command)


def go(module: Path, *arguments: str) -> str:
    """What Go prints when it is run in the folder of a module.

    Raises:
        NoGo: Go is missing, or older than 1.21.
        RuntimeError: it refuses.
    """
    command = [_go(), *arguments]
    done = subprocess.run(
        command, cwd=module, env=os.environ | {"CGO_ENABLED": "0"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} in {module} failed:\n{done.stderr[-4000:]}")
    return done.stdout


def _go() -> str:
    go = shutil.which("go")
    if go is None:
        raise NoGo("Go is not on the PATH")
    answer = subprocess.run([go, "env", "GOVERSION"], cwd="/", capture_output=True, text=True, check=True).stdout
    found = re.match(r"go(\d+)\.(\d+)", answer)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_GO:
        raise NoGo(f"{go} is {answer.strip()}, older than go1.21")
    return go
