"""What is read of an image, and what is wrong with one."""

import hashlib
import io
import json
import tarfile
from dataclasses import replace

import pytest

from images import check
from images.archive import Archive
from images.check import LABELS, contents
from images.table import Image

IMAGE = Image("collector", "collector", budget=1, distributions=("tidewright-collector",), port=8001)
CONFIG = {
    "User": "65532:65532",
    "Labels": {f"org.opencontainers.image.{label}": "something" for label in LABELS},
    "Healthcheck": {"Test": ["CMD", "python"]},
}
SBOM = {"metadata": {"component": {"name": "tidewright-collector"}}, "components": [{"name": "numpy"}]}
OURS = {"app/sbom.cdx.json": json.dumps(SBOM).encode(), "app/bin/python": b"12345"}
BASE = {"usr/bin/python3": b"123", "usr/bin/pip3": b"12"}
WITHOUT_PIP = {"usr/bin/.wh.pip3": b""}


def tar(files):
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as into:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            into.addfile(entry, io.BytesIO(content))
    return written.getvalue()


@pytest.fixture
def archive(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "OUTPUT", tmp_path / "lists")

    def archive(*layers, config=CONFIG):
        tars = {f"{number}.tar": tar(files) for number, files in enumerate(layers)}
        digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in tars.values()]
        described = {"config": config, "rootfs": {"diff_ids": digests}}
        manifest = [{"Config": "config.json", "Layers": [*tars]}]
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.tar"
        path.write_bytes(
            tar(tars | {"manifest.json": json.dumps(manifest).encode(), "config.json": json.dumps(described).encode()})
        )
        return Archive.read(path)

    return archive


def test_what_is_beyond_the_base_is_what_the_base_has_no_layer_of(archive):
    assert archive(BASE, {"a": b"1234"}, {"b": b"12"}).beyond(archive(BASE)) == 6


def test_what_a_layer_takes_away_is_not_in_a_container(archive):
    layers = {"usr/lib/pip/main.py": b"", "usr/lib/pipes.py": b""}, {"usr/lib/.wh.pip": b""}
    assert archive(*layers).files() == {"usr/lib/pipes.py"}


def test_a_file_is_that_of_the_last_layer_that_has_it(archive):
    layered = archive({"a": b"old", "b": b"b"}, {"a": b"new"})
    assert (layered.content("a"), layered.content("b")) == (b"new", b"b")
    with pytest.raises(KeyError, match="c"):
        layered.content("c")


def test_a_good_image_leaves_the_list_of_what_is_in_it(archive):
    assert contents(IMAGE, archive(BASE, WITHOUT_PIP, OURS), archive(BASE)) == []
    assert json.loads((check.OUTPUT / "collector.cdx.json").read_text()) == SBOM


def test_everything_that_is_wrong_is_told(archive):
    large = {"app/data": b"0" * 1_600_000}
    wrong = archive(BASE, OURS, large, config={"User": "root", "Labels": {}})
    assert contents(replace(IMAGE, distributions=("tidewright",)), wrong, archive(BASE)) == [
        "2 MB beyond the base; its budget is 1",
        "usr/bin/pip3 has no place in it",
        "its user is 'root'; a restricted pod needs a number that is not 0",
        *(f"its label {label} is missing" for label in LABELS),
        "a server has a health check, and nothing else has",
        "tidewright is not in its list",
    ]


def test_what_is_no_server_has_no_health_check(archive):
    assert contents(replace(IMAGE, port=None), archive(OURS), archive(BASE)) == [
        "a server has a health check, and nothing else has"
    ]
