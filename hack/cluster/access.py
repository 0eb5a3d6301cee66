"""How to reach an API server and who one is there: kubeconfigs, tokens and certificates."""

import base64
import json
import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Access:
    """An API server's address and one identity there; the certificates are PEM.

    Without `authority` the address is plain HTTP. An identity is a `token`, or a client certificate with its key.
    """

    server: str
    authority: str | None = None
    token: str | None = None
    certificate: str | None = None
    key: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What a request says of who sends it."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def ssl_context(self) -> ssl.SSLContext:
        """For a client that connects to `server`."""
        context = ssl.create_default_context(cadata=self.authority)
        if self.certificate and self.key:
            with tempfile.NamedTemporaryFile(
                "w", suffix=".pem"
            ) as pair:  # the module reads certificates from files only
                pair.write(self.certificate + self.key)
                pair.flush()
                context.load_cert_chain(pair.name)
        return context

    def through(self, server: str) -> "Access":
        """The same identity by way of a proxy on plain HTTP."""
        return replace(self, server=server, authority=None)

    def write(self, path: Path) -> Path:
        """As a kubeconfig that its owner alone can read."""
        authority = {"certificate-authority-data": _encoded(self.authority)} if self.authority else {}
        pair = {"client-certificate-data": _encoded(self.certificate), "client-key-data": _encoded(self.key)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "cluster",
            "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": "user"}}],
            "clusters": [{"name": "cluster", "cluster": {"server": self.server, **authority}}],
            "users": [{"name": "user", "user": {"token": self.token} if self.token else pair}],
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=1))  # JSON is YAML
        return path

    @classmethod
    def read(cls, kubeconfig: str) -> "Access":
        """Of the first cluster and user in the text of a kubeconfig that carries its certificates."""
        config = yaml.safe_load(kubeconfig)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        return cls(
            server=cluster["server"],
            authority=_decoded(cluster.get("certificate-authority-data")),
            token=user.get("token"),
            certificate=_decoded(user.get("client-certificate-data")),
            key=_decoded(user.get("client-key-data")),
        )


def certify(folder: Path, name: str, subject: str, *alternatives: str) -> tuple[Path, Path]:
    """A new certificate that is its own authority, and its key, as files in `folder`.

    Raises:
        FileNotFoundError: openssl is not on the PATH.
    """
    if shutil.which("openssl") is None:
        raise FileNotFoundError("openssl, which makes the certificates, is not on the PATH: apt-get install openssl")
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    names = ["-addext", f"subjectAltName={','.join(alternatives)}"] if alternatives else []
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    valid = ["-days", "3650", "-subj", subject, *names, "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", *new_key, *valid], check=True, capture_output=True)
    return certificate, key


def _encoded(text: str | None) -> str:
    return base64.b64encode((text or "").encode()).decode()


def _decoded(data: str | None) -> str | None:
    return base64.b64decode(data).decode() if data else None
