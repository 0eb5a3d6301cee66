"""The programs that make and check the chart: helm, kubeconform and Checkov, of the versions that `tools/` names, compiled or installed once per content of it."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.build import cache, digest, go

VERSIONS = Path(__file__).parent / "tools"
KINDS_OF_OTHERS = "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"


def built() -> Path | None:
    """The folder of the programs, if they were made from what is in `tools/` now."""
    folder = _folder()
    return folder if folder.exists() else None


def build() -> Path:
    """The folder with `helm`, `kubeconform` and `kinds/`, the CRDs of others; made if it is missing, by one process at a time.

    Two minutes on two cores from nothing.

    Raises:
        NoGo: Go is missing, or older than 1.21.
        RuntimeError: the compiler refuses.
    """
    with made_once(_folder()) as unfinished:
        if unfinished:
            go(VERSIONS, "build", "-mod=readonly", "-ldflags", "-s -w", "-o", f"{unfinished}/", "tool")
            kinds = (f"paths={KINDS_OF_OTHERS}", f"output:crd:dir={unfinished / 'kinds'}")
            go(VERSIONS, "tool", "controller-gen", "crd", *kinds)
    return _folder()


@contextmanager
def made_once(folder: Path) -> Iterator[Path | None]:
    """An empty folder that becomes `folder` when the block has filled it; None where `folder` is there. One process at a time is inside."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            yield None
            return
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        yield unfinished
        unfinished.rename(folder)


def run(program: str, *arguments: str | Path) -> str:
    """What one of the compiled programs prints.

    Raises:
        RuntimeError: it fails, with what it printed.
    """
    return _printed([build() / program, *arguments], {})


def checkov(*arguments: str | Path) -> str:
    """What Checkov prints, whatever it finds; it is asked for nothing from outside."""
    environment = {
        "UV_PROJECT_ENVIRONMENT": str(build() / "checkov"),
        "BC_SKIP_MAPPING": "TRUE",  # no table of guidelines from its maker's site
    }
    uv = os.environ.get("UV", "uv")
    return _printed([uv, "run", "--quiet", "--frozen", "--project", VERSIONS, "checkov", *arguments], environment)


def _printed(command: list[str | Path], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout[-6000:]}{done.stderr[-6000:]}")
    return done.stdout


def _folder() -> Path:
    return cache().parent / "chart" / digest(VERSIONS)
