"""Container images without a registry."""

import hashlib
import io
import json
import tarfile
from pathlib import Path


def archive(program: Path, name: str, target: Path) -> None:
    """Write the image of one static program, which is its entry point, as a docker archive."""
    layer = _tar({program.name: program.read_bytes()})
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    files = {"manifest.json": manifest, "config.json": configuration}
    target.write_bytes(
        _tar({path: json.dumps(content).encode() for path, content in files.items()} | {"layer.tar": layer})
    )


def _tar(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return written.getvalue()
