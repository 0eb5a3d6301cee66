"""What the operator is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BOUNDS = {"workers": (1, 100), "resync_seconds": (0.1, 86_400), "health_port": (0, 65_535), "metrics_port": (0, 65_535)}
"""Between what every number must be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`namespaces` empty means all. Claims are of PersistentVolumes in the run's own namespace; without one the worker has a volume that ends with its pod.

    The signal services run `signals_image` (the worker's where it is empty), on bars of `signals_exchange` where a strategy is not executed on another, and keep their anchors on `anchor_claim`.

    Workers tell how far they are to the Redis at `streams`, which is read here; where it has a password, they are given the URL by the key `url` of the Secret
    `streams_secret` in the run's own namespace. They tell the MLflow server at `tracking` of what they have done.

    Studies are worked on by `study_image`, and keep their trials in the Postgres whose URL is under the key `url` of the Secret `study_secret` in the study's own namespace;
    without one there are no studies.
    """

    namespaces: tuple[str, ...] = ()
    worker_image: str = "tidewright/backtest-engine:0.1.0"
    store: str = "file:///data"
    artifacts: str = "file:///artifacts"
    data_claim: str = ""
    artifacts_claim: str = ""
    signals_image: str = ""
    signals_exchange: str = "binance"
    anchor_claim: str = ""
    streams: str = ""
    streams_secret: str = ""
    tracking: str = ""
    study_image: str = "tidewright/optuna-optimizer:0.1.0"
    study_secret: str = ""
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
        for name in cls.__annotations__:
            variable = f"TIDEWRIGHT_{name.upper()}"
            text = environ.get(variable)
            if text is not None:
                found[name] = _number(variable, text, *BOUNDS[name]) if name in BOUNDS else text
        if "namespaces" in found:
            found["namespaces"] = tuple(part.strip() for part in found["namespaces"].split(",") if part.strip())
        return cls(**found)


def _number(variable: str, text: str, least: float, most: float) -> float:
    kind = float if isinstance(least, float) else int
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        whole = "whole " if kind is int else ""
        raise ValueError(f"{variable} is {text!r}; write a {whole}number from {least} to {most}")
    return value
