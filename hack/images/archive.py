"""A docker archive: an image as one file, whoever built it."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WHITEOUT = ".wh."
"""Before the name of a file that a layer takes away."""


@dataclass(frozen=True)
class Archive:
    """`config` is the image's own. `layers` are tars within the archive, the base's first, `digests` those of what is in each."""

    path: Path
    config: dict[str, Any]
    layers: tuple[str, ...]
    digests: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Archive":
        """Of the one image in a file. Raises OSError and tarfile.TarError where it is no archive."""
        with tarfile.open(path) as outer:
            manifest = json.loads(_content(outer, "manifest.json"))[0]
            described = json.loads(_content(outer, manifest["Config"]))
        return cls(path, described["config"], tuple(manifest["Layers"]), tuple(described["rootfs"]["diff_ids"]))

    def beyond(self, base: "Archive") -> int:
        """Bytes of the files in the layers that `base` has not, each as large as it is unpacked."""
        layers = zip(self.layers, self.digests, strict=True)
        own = [layer for layer, digest in layers if digest not in base.digests]
        return sum(member.size for layer in own for member in self._members(layer))

    def files(self) -> set[str]:
        """The paths in a container of it, as ``usr/bin/python3``."""
        found: set[str] = set()
        for layer in self.layers:
            for member in self._members(layer):
                path = Path(member.name)
                if path.name.startswith(_WHITEOUT):
                    gone = str(path.with_name(path.name.removeprefix(_WHITEOUT)))
                    found = {one for one in found if one != gone and not one.startswith(f"{gone}/")}
                else:
                    found.add(str(path))
        return found

    def content(self, path: str) -> bytes:
        """Of a file. Raises KeyError."""
        for layer in reversed(self.layers):
            with tarfile.open(self.path) as outer, tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                if path in inner.getnames():
                    return _content(inner, path)
        raise KeyError(path)

    def _members(self, layer: str) -> Iterator[tarfile.TarInfo]:
        with tarfile.open(self.path) as outer, tarfile.open(fileobj=outer.extractfile(layer)) as inner:
            yield from inner


def _content(tar: tarfile.TarFile, path: str) -> bytes:
    file = tar.extractfile(path)
    if file is None:
        raise KeyError(path)
    return file.read()
