"""The base image, or what stands in for it where no registry of images is reached: Debian's own Python, from Debian's packages."""

import shutil
import tempfile
from pathlib import Path

from images.builder import Builder
from images.commands import run, told

OFFICIAL = "python:3.11-slim-bookworm"
STAND_IN = "localhost/tidewright-base:bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-pip", "python3-venv")

_DOCKERFILE = """\
FROM scratch
COPY . /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["python3"]
"""


def base(builder: Builder) -> str:
    """The name of the official image where it is there or can be had, else of its stand-in.

    Raises:
        RuntimeError: neither, with the remedy.
    """
    if builder.has(OFFICIAL):
        return OFFICIAL
    if builder.has(STAND_IN):
        return STAND_IN
    try:
        builder.pull(OFFICIAL)
    except RuntimeError:
        told(f"{OFFICIAL} cannot be had; building its stand-in from Debian's packages")
        _build_stand_in(builder)
        return STAND_IN
    return OFFICIAL


def _build_stand_in(builder: Builder) -> None:
    if shutil.which("debootstrap") is None:
        raise RuntimeError("the stand-in of the base image is made as root with: apt-get install debootstrap")
    with tempfile.TemporaryDirectory() as temporary:
        root, dockerfile = Path(temporary) / "root", Path(temporary) / "Dockerfile"
        run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", str(root))
        for leftover in ("var/cache/apt", "var/lib/apt/lists", "var/log"):
            shutil.rmtree(root / leftover)
        dockerfile.write_text(_DOCKERFILE)
        builder.build(dockerfile, root, STAND_IN)
