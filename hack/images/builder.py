"""What builds, keeps and runs images on this machine: Docker, or buildah where no daemon answers."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from images.commands import run

Object = dict[str, Any]


class Builder(Protocol):
    """Every method raises RuntimeError with what the program said."""

    def build(self, dockerfile: Path, context: Path, name: str, options: Sequence[str] = ()) -> None:
        """Build an image; `options` are those that Docker and buildah share."""

    def has(self, name: str) -> bool:
        """Whether the image is there."""

    def pull(self, name: str) -> None:
        """Get an image from its registry."""

    def archive(self, name: str, tag: str, target: Path) -> None:
        """Write an image as a docker archive, in which it is called `tag`."""

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> str:
        """What a command prints in a container as locked as a pod: read-only but for ``/tmp``, no network, no capabilities, the image's own user."""


def builder() -> Builder:
    """The one that this machine has. Raises RuntimeError where there is none, with the remedy."""
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        return Docker()
    if shutil.which("buildah"):
        return Buildah()
    raise RuntimeError("images are built with Docker, or as root with buildah and runc: apt-get install buildah runc")


class Docker:
    """A `Builder` with a daemon."""

    def build(self, dockerfile: Path, context: Path, name: str, options: Sequence[str] = ()) -> None:
        run("docker", "build", f"--file={dockerfile}", f"--tag={name}", *options, str(context))

    def has(self, name: str) -> bool:
        return bool(run("docker", "images", "--quiet", name).strip())

    def pull(self, name: str) -> None:
        run("docker", "pull", "--quiet", name)

    def archive(self, name: str, tag: str, target: Path) -> None:
        run("docker", "tag", name, tag)
        run("docker", "save", f"--output={target}", tag)

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> str:
        told = [f"--env={variable}={value}" for variable, value in environment.items()]
        locked = ["--read-only", "--tmpfs=/tmp", "--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
        return run("docker", "run", "--rm", *locked, *told, name, *command)


class Buildah:
    """A `Builder` without a daemon, as root: buildah builds in a chroot, runc runs."""

    def build(self, dockerfile: Path, context: Path, name: str, options: Sequence[str] = ()) -> None:
        # In Docker's format, as OCI's has no health check.
        how = ["--layers", "--isolation=chroot", "--network=host", "--format=docker", "--identity-label=false"]
        when = os.environ.get("SOURCE_DATE_EPOCH")
        how += [f"--timestamp={when}"] if when else []
        run("buildah", "bud", *how, f"--file={dockerfile}", f"--tag={name}", *options, str(context))

    def has(self, name: str) -> bool:
        done = subprocess.run(["buildah", "inspect", "--type=image", name], capture_output=True, check=False)
        return done.returncode == 0

    def pull(self, name: str) -> None:
        run("buildah", "pull", "--quiet", name)

    def archive(self, name: str, tag: str, target: Path) -> None:
        target.unlink(missing_ok=True)
        run("buildah", "push", "--quiet", name, f"docker-archive:{target}:{tag}")

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> str:
        config: Object = json.loads(run("buildah", "inspect", "--type=image", name))["OCIv1"]["config"]
        with _mounted(name) as root, tempfile.TemporaryDirectory() as bundle:
            told = [*config["Env"], *(f"{variable}={value}" for variable, value in environment.items())]
            described = _locked(root, config["User"], config.get("WorkingDir", "/"), told, command)
            (Path(bundle) / "config.json").write_text(json.dumps(described))
            return run("runc", "run", f"--bundle={bundle}", f"tidewright-{Path(bundle).name}")


@contextmanager
def _mounted(name: str) -> Iterator[str]:
    container = run("buildah", "from", "--pull-never", name).strip()
    try:
        yield run("buildah", "mount", container).strip()
    finally:
        run("buildah", "rm", container)


def _locked(root: str, user: str, folder: str, environment: Sequence[str], command: Sequence[str]) -> Object:
    """What runc is told of a container."""
    owner, _, group = user.partition(":")
    sealed = ["nosuid", "noexec", "nodev"]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": int(owner), "gid": int(group)},
            "args": [*command],
            "env": [*environment],
            "cwd": folder,
            "noNewPrivileges": True,
            "capabilities": {},
        },
        "root": {"path": root, "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": [*sealed, "mode=1777"]},  # noqa: S108
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},  # noqa: S108
        ],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")]},
    }
