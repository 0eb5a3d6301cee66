"""Builds the images of the table, from the lock and from this machine's own settings of package indexes."""

import os
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path

from images.builder import Builder
from images.commands import run, told
from images.table import DOCKERFILES, REPOSITORY, ROOT, Image

SECRETS: Mapping[str, tuple[str, ...]] = {
    "certificates": ("$SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),
    "pip": ("$PIP_CONFIG_FILE", "~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf"),
    "uv": ("$UV_CONFIG_FILE", "~/.config/uv/uv.toml", "/etc/uv/uv.toml"),
}
"""Files that a build may read and no image keeps: the first of each that is there."""


def version() -> str:
    """The version of this checkout."""
    found: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return found


def tag(image: Image) -> str:
    """The name under which an image is built, and which the chart asks for."""
    return f"{REPOSITORY}/{image.name}:{version()}"


def secrets() -> dict[str, Path]:
    """The files of `SECRETS` that this machine has."""
    found = {}
    for name, places in SECRETS.items():
        paths = (Path(os.path.expandvars(place)).expanduser() for place in places)
        if path := next((path for path in paths if path.is_file()), None):
            found[name] = path
    return found


def options(image: Image, base: str, stamps: Mapping[str, str], readable: Mapping[str, Path]) -> list[str]:
    """What Docker and buildah are told of an image alike. Pure."""
    arguments = {"BASE": base, **image.arguments(), **stamps}
    return [
        f"--target={image.target}",
        *(f"--build-arg={name}={value}" for name, value in arguments.items()),
        *(f"--secret=id={name},src={path}" for name, path in readable.items()),
    ]


def build(image: Image, builder: Builder, base: str) -> None:
    """Build an image on a base. Raises RuntimeError."""
    began = time.monotonic()
    stamps = {"VERSION": version(), "REVISION": revision()}
    builder.build(DOCKERFILES / image.dockerfile, ROOT, tag(image), options(image, base, stamps, secrets()))
    told(f"{tag(image)}: {time.monotonic() - began:.0f} s")


def revision() -> str:
    """The commit that is built from; a checkout with changes of its own says so."""
    return run("git", "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*").strip()
