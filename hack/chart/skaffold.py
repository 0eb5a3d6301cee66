"""`skaffold.yaml`: what is built is the table of `hack/images`, where it goes is the chart's values."""

from typing import Any

import yaml

from chart.render import CHART
from images.table import IMAGES, REPOSITORY, Image

PATH = CHART.parents[1] / "skaffold.yaml"
RELEASE = NAMESPACE = "tidewright"

PLACES = {
    "operator": ("operator.image",),
    "worker": ("jobs.image",),
    "data-collector": ("services.data-collector.image",),
    "data-validation": ("services.data-validation.image",),
    "backtest-engine": ("services.backtest-engine.image", "operator.worker.image", "operator.signals.image"),
    "optuna-optimizer": ("services.optuna-optimizer.image", "operator.studies.image"),
    "mlflow-tracking": ("services.mlflow-tracking.image",),
}
"""The values of the chart that name each image that it installs."""

ABOUT = """\
# `skaffold dev` builds the images, loads them into kind or minikube, installs the chart there and shows the logs, until Ctrl-C takes it away again; `skaffold run`
# leaves it. The context tells which of the two it is. A change is built anew and rolled out: files are not copied into running containers, whose roots cannot be written.
"""


def skaffold() -> str:
    """The file, but for the notice that it is generated."""
    return ABOUT + yaml.safe_dump(_described(), sort_keys=False, width=160)


def _described() -> dict[str, Any]:
    templates = {}
    for name, places in PLACES.items():
        variable = f"{REPOSITORY}_{name}".replace("-", "_")
        for place in places:
            templates[f"{place}.repository"] = f"{{{{.IMAGE_REPO_{variable}}}}}"
            templates[f"{place}.tag"] = f"{{{{.IMAGE_TAG_{variable}}}}}"
    release = {
        "name": RELEASE,
        "chartPath": "helm/tidewright",
        "namespace": f"{NAMESPACE}-system",
        "createNamespace": True,
        "wait": True,
        "valuesFiles": ["helm/tidewright/values-kind.yaml"],
        "setValueTemplates": templates,
    }
    return {
        "apiVersion": "skaffold/v4beta13",
        "kind": "Config",
        "metadata": {"name": "tidewright"},
        "build": {
            "tagPolicy": {"inputDigest": {}},
            "artifacts": [_artifact(image) for image in IMAGES if image.name in PLACES],
            "local": {"push": False, "useBuildkit": True, "concurrency": 1},
        },
        "deploy": {"helm": {"releases": [release]}},
        "profiles": [
            {"name": "kind", "activation": [{"kubeContext": "kind-.*"}]},
            {"name": "minikube", "activation": [{"kubeContext": "minikube"}], "build": {"local": {"push": False, "useBuildkit": True, "concurrency": 2}}},
        ],
    }  # fmt: skip


def _artifact(image: Image) -> dict[str, Any]:
    docker = {
        "dockerfile": f"Dockerfiles/{image.dockerfile}",
        "target": image.target,
        "buildArgs": dict(image.arguments()),
    }
    return {"image": f"{REPOSITORY}/{image.name}", "docker": docker}
