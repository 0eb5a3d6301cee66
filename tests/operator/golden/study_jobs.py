"""The Jobs of OptimizationStudies with everything that makes a difference, and of one with nothing of it, as YAML.

Written down after a change that was meant::

    uv run python tests/operator/golden/study_jobs.py > tests/operator/golden/study_jobs.yaml
"""

import sys

from tidewright.specs.manifest import as_yaml
from tidewright.specs.pod import Pod
from tidewright_operator.cluster import JOB
from tidewright_operator.kinds.study_jobs import conclusion_job, forgetting_job, search_job
from tidewright_operator.settings import Settings

BUILTIN = {"source": {"builtin": "MovingAverageCross"}}
CLASS = {
    "source": {"classRef": {"module": "desk.cross", "class": "Cross", "image": "registry/desk@sha256:" + "0" * 64}}
}
EVERYTHING = {
    "suspend": True,
    "trials": 10_000,
    "parallelism": 16,
    "retries": 5,
    "deletionPolicy": "Delete",
    "pod": {
        "image": "registry/optimizer@sha256:0",
        "queueName": "research",
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoExecute"}],
        "resources": {"requests": {"cpu": 2, "memory": "500Mi"}, "limits": {"cpu": "2.5"}},
    },
}
PLAIN = Settings(study_secret="trials")  # noqa: S106 - the name of one
WHOLE = Settings(
    study_image="optimizer:1",
    study_secret="trials",  # noqa: S106
    store="postgresql://market",
    artifacts="file:///artifacts/studies",
    data_claim="bars",
    artifacts_claim="results",
    streams="redis://r/0",
    tracking="http://mlflow:8010",
)


def golden_objects():
    """One YAML document an object."""
    return [
        *jobs(study("minimal"), BUILTIN, 1, PLAIN),
        *jobs(study("everything", **EVERYTHING), BUILTIN, 2, WHOLE),
        *jobs(study("of.a-class"), CLASS, 1, PLAIN)[:1],
    ]


def jobs(study, strategy, attempt, settings):
    pod = Pod.model_validate(study["spec"].get("pod", {}))
    made = (
        search_job(study, pod, strategy, settings),
        conclusion_job(study, pod, strategy, attempt, settings),
        forgetting_job(study, pod, settings),
    )
    return [{"apiVersion": JOB.api_version, "kind": JOB.name, **thing} for thing in made]


def study(name, **spec):
    return {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "OptimizationStudy",
        "metadata": {"name": name, "namespace": "research", "uid": f"{name}-uid"},
        "spec": {"strategy": {"name": "ma-cross"}, "data": {"exchange": "simulated"}, **spec},
    }


if __name__ == "__main__":
    sys.stdout.write(as_yaml(golden_objects()))
