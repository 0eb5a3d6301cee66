"""The images of Tidewright: which distribution each has, what it runs, and how large it may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILES = ROOT / "Dockerfiles"
REPOSITORY = "tidewright"
"""What goes before an image's name."""


@dataclass(frozen=True, slots=True)
class Image:
    """`budget` is megabytes, unpacked, beyond the base. `port` is that of health and REST; without one it is no server, and has no health check.

    `distributions` are those of this repository's lock, with `extras` of theirs; where there are none, the folder has a lock of its own.
    """

    name: str
    module: str
    budget: int
    folder: str = "."
    distributions: tuple[str, ...] = ("tidewright",)
    extras: tuple[str, ...] = ()
    port: int | None = None
    licences: str = "Apache-2.0"
    dockerfile: str = "service.Dockerfile"

    def arguments(self) -> Mapping[str, str]:
        """What its Dockerfile is told."""
        packages = [f"--package {name}" for name in self.distributions]
        packages += [f"--extra {name}" for name in self.extras]
        told = {
            "SERVICE": self.name,
            "MODULE": self.module,
            "FOLDER": self.folder,
            "LICENSES": self.licences,
        }
        told |= {"PACKAGES": " ".join(packages)} if packages else {}
        return told | ({} if self.port is None else {"PORT": str(self.port)})

    @property
    def target(self) -> str:
        """The stage of its Dockerfile."""
        return "program" if self.port is None else "server"


def _service(name: str, number: int, budget: int, *extras: str, licences: str = "Apache-2.0") -> Image:
    """A folder of `services/`; with extras, those of the library or of its own."""
    distributions = (f"tidewright-{name}", *(["tidewright"] if extras else []))
    folder, port = f"services/{name}", 8000 + number
    return Image(name, name.replace("-", "_"), budget, folder, distributions, extras, port, licences)


_WORK = ("local", "postgres", "redis", "serving", "tracking")
"""What a Job needs of the library: the kernel, the book of runs, progress, a user's own code asked over gRPC, MLflow."""

IMAGES = (
    Image("operator", "tidewright_operator", 250, "operator", ("tidewright-operator",), port=8080),
    Image("worker", "tidewright.cli", 600, extras=_WORK),
    Image("strategy", "tidewright.strategy_service", 500, extras=("local", "serving"), port=8000),
    Image("signals", "tidewright.signals", 550, extras=("local", "postgres", "redis", "serving"), port=8011),
    Image("exchange", "tidewright.exchange", 500, extras=("exchange", "local")),
    _service("data-collector", 1, 650),
    _service("data-validation", 2, 800),
    _service("backtest-engine", 5, 600, "service", "postgres", "redis", licences="GPL-3.0-or-later"),
    _service("optuna-optimizer", 6, 800, "serving", "redis", "tracking"),
    Image(
        "mlflow-tracking",
        "mlflow",
        750,
        "Dockerfiles/mlflow-tracking",
        distributions=(),
        port=8010,
        dockerfile="mlflow-tracking.Dockerfile",
    ),
)


def image(name: str) -> Image:
    """Raises ValueError with the names that there are."""
    found = {one.name: one for one in IMAGES}
    if name not in found:
        raise ValueError(f"there is no image {name!r}; there are {', '.join(found)}")
    return found[name]
