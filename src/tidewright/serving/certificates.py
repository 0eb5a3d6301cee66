"""The certificates of a service, read from a folder and read again when they change."""

import ssl
from dataclasses import dataclass
from pathlib import Path


class CertificatesRefused(ValueError):
    """The folder holds no usable certificates; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Pem:
    """The content of the files; `clients` are the authorities that clients' certificates must come from, None where they need none."""

    chain: bytes
    key: bytes
    clients: bytes | None


class Certificates:
    """``tls.crt``, ``tls.key`` and, for clients that must show who they are, ``ca.crt``: as Kubernetes mounts a Secret.

    `mutual` says whether clients must show a certificate, and stays as it was at first. Raises CertificatesRefused where the files cannot be used
    then. Later a change that cannot be used, such as one that is seen halfway, is left for the next time.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {name: folder / name for name in ("tls.crt", "tls.key", "ca.crt")}
        for name in ("tls.crt", "tls.key"):
            if not self._files[name].is_file():
                raise CertificatesRefused(
                    f"{self._files[name]} is missing; mount the Secret there, or unset the folder"
                )
        self._seen = self._stamp()
        self.pem = self._read()
        self.mutual = self.pem.clients is not None
        self.context = self._context()

    def refresh(self) -> bool:
        """Take changed files over, for connections that are made from now on; whether there were any."""
        try:
            stamp = self._stamp()
            if stamp == self._seen:
                return False
            pem = self._read()
            if self.mutual and pem.clients is None:
                return False
            self._load(self.context, pem)
        except (CertificatesRefused, OSError):
            return False
        self._seen, self.pem = stamp, pem
        return True

    def _context(self) -> ssl.SSLContext:
        """For a server: clients' certificates are checked where they are shown; that they are is for the server to ask."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.mutual:
            context.verify_mode = ssl.CERT_OPTIONAL
        self._load(context, self.pem)
        return context

    def _load(self, context: ssl.SSLContext, pem: Pem) -> None:
        """Loaded into the same context, an authority that is gone from the file stays trusted until a restart."""
        context.load_cert_chain(self._files["tls.crt"], self._files["tls.key"])
        if pem.clients is not None:
            context.load_verify_locations(cadata=pem.clients.decode("ascii", "replace"))

    def _read(self) -> Pem:
        clients = self._files["ca.crt"]
        pem = Pem(
            self._files["tls.crt"].read_bytes(),
            self._files["tls.key"].read_bytes(),
            clients.read_bytes() if clients.is_file() else None,
        )
        try:
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pem)
        except ssl.SSLError as error:
            where = self._files["tls.crt"].parent
            message = f"{where}: {error}; tls.crt and tls.key must belong together, and all files be in PEM"
            raise CertificatesRefused(message) from error
        return pem

    def _stamp(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(
            (status.st_mtime_ns, status.st_ino) if file.is_file() and (status := file.stat()) else None
            for file in self._files.values()
        )
