"""The objects of BacktestRuns with everything that makes a difference, and of one with nothing of it, as YAML.

Written down after a change that was meant::

    uv run python tests/operator/golden/backtest_job.py > tests/operator/golden/backtest_job.yaml
"""

import sys

from tidewright.runs.payload import payload_of
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import as_yaml
from tidewright.specs.pod import Pod
from tidewright_operator.cluster import CONFIG_MAP, JOB
from tidewright_operator.kinds.backtest_job import backtest_job
from tidewright_operator.kinds.work_input import spec_config_map
from tidewright_operator.settings import Settings

BUILTIN = {"source": {"builtin": "MovingAverageCross"}, "symbols": ["BTC/USDT"], "timeframe": "1h"}
CLASS = {
    "source": {"classRef": {"module": "desk.cross", "class": "Cross", "image": "registry/desk@sha256:" + "0" * 64}},
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
}
EVERYTHING = {
    "suspend": True,
    "deadline": "1h",
    "retries": 5,
    "pod": {
        "image": "registry/tidewright@sha256:0",
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
        "resources": {"requests": {"cpu": 2, "memory": "500Mi"}, "limits": {"cpu": "2.5"}},
    },
}
VOLUMES = Settings(
    worker_image="tidewright:1",
    store="file:///data/store",
    artifacts="file:///artifacts/runs",
    data_claim="bars",
    artifacts_claim="results",
)


def golden_objects():
    """One YAML document an object."""
    return [
        *objects(run("minimal"), 1, Settings()),
        *objects(run("everything", **EVERYTHING), 2, VOLUMES)[1:],
        *objects(run("queued", pod={"queueName": "research"}), 1, Settings())[1:],
        *objects(run("of.a-class", strategy=CLASS), 1, Settings())[1:],
    ]


def objects(run, attempt, settings):
    model = BacktestRun.model_validate(run)
    payload = payload_of(model, None, run["metadata"]["uid"])
    job = backtest_job(run, model.spec.pod or Pod(), payload["spec"]["strategy"], attempt, settings)
    made = ((CONFIG_MAP, spec_config_map(run, payload)), (JOB, job))
    return [{"apiVersion": kind.api_version, "kind": kind.name, **thing} for kind, thing in made]


def run(name, strategy=BUILTIN, **spec):
    return {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "BacktestRun",
        "metadata": {"name": name, "namespace": "research", "uid": f"{name}-uid"},
        "spec": {"strategy": strategy, "data": {"exchange": "simulated"}, **spec},
    }


if __name__ == "__main__":
    sys.stdout.write(as_yaml(golden_objects()))
