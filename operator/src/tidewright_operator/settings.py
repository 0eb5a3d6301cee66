"""What the operator is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """`namespaces` empty means all. Claims are of PersistentVolumes in the run's own namespace; without one the worker has a volume that ends with its pod."""

    namespaces: tuple[str, ...] = ()
    worker_image: str = "tidewright:latest"
    store: str = "file:///data"
    artifacts: str = "file:///artifacts"
    data_claim: str = ""
    artifacts_claim: str = ""
    workers: int = 8
    resync_seconds: float = 60.0
    lease_namespace: str = "default"
    identity: str = "operator"
    health_port: int = 8080
    metrics_port: int = 9090

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """From ``TIDEWRIGHT_<NAME>``. Raises ValueError with the name of a variable that cannot be understood."""
        found: dict[str, Any] = {}
        for name, kind in cls.__annotations__.items():
            text = environ.get(f"TIDEWRIGHT_{name.upper()}")
            if text is None:
                continue
            try:
                found[name] = _parsed(text, kind)
            except ValueError:
                raise ValueError(f"TIDEWRIGHT_{name.upper()} is {text!r}; write a number") from None
        return cls(**found)


def _parsed(text: str, kind: object) -> object:
    if kind in ("tuple[str, ...]", tuple[str, ...]):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind in ("int", int):
        return int(text)
    if kind in ("float", float):
        return float(text)
    return text
