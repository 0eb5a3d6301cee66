"""Files of Binance's archive, downloaded once and in full: what is there of a file is kept, and nothing is used that its checksum does not fit."""

import asyncio
import hashlib
import re
from pathlib import Path

from tidewright.adapters.exchange.binance import ArchiveFile
from tidewright.adapters.exchange.http import Http
from tidewright.adapters.exchange.unpack import LARGEST, ArchiveRefused

_LONGEST_SUM = 1 << 10


class Archive:
    """The archive at `url`; `folder` keeps what has been downloaded and not yet merged, between runs too."""

    def __init__(self, http: Http, url: str, folder: Path) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._folder = folder

    async def fetch(self, file: ArchiveFile) -> tuple[Path, str] | None:
        """A file that fits its checksum, and the checksum in hexadecimal; None where the archive has no such file.

        The name says which content is awaited, so that what is left of a file which the archive has since replaced is not gone on with.
        Raises ArchiveRefused, Unavailable, Rejected, and OSError.
        """
        url = f"{self._url}/{file.path}"
        published = await self._http.body(f"{url}.CHECKSUM", _LONGEST_SUM)
        if published is None:
            return None
        awaited = _checksum(published, file)
        path = self._folder / f"{file.name}.{awaited[:16]}"
        for retried in (False, True):
            found = await _sum(path)
            if found == awaited:
                return path, awaited
            if retried:
                path.unlink(missing_ok=True)
            if not await self._http.download(url, path, LARGEST[file.kind]):
                return None
        if (found := await _sum(path)) == awaited:
            return path, awaited
        path.unlink(missing_ok=True)
        raise ArchiveRefused(f"{file.name} was refused: its SHA-256 is {found}, and its checksum file says {awaited}")

    def forget(self) -> None:
        """Removes what was downloaded and is not needed any more."""
        for path in self._folder.glob("*.zip.*"):
            path.unlink(missing_ok=True)


def _checksum(published: bytes, file: ArchiveFile) -> str:
    """The digest in a file of sha256sum's form."""
    match = re.fullmatch(rb"([0-9a-f]{64})[ *]+(\S+)\s*", published)
    if match is None or match[2].decode(errors="replace") != file.name:
        start = published[:60].decode(errors="replace")
        raise ArchiveRefused(f"{file.name} was refused: its checksum file holds no SHA-256 of it but {start!r}")
    return match[1].decode()


async def _sum(path: Path) -> str | None:
    return await asyncio.to_thread(_sha256, path) if path.exists() else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
