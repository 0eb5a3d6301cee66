"""The objects of a BacktestRun."""

import runpy
from pathlib import Path

import pytest
import yaml

from tidewright.runs.exits import EXIT_CODES
from tidewright.specs.pod import Pod
from tidewright_operator.kinds.backtest_job import backtest_job, job_name, spec_config_map
from tidewright_operator.settings import Settings

GOLDEN = Path(__file__).parents[2] / "golden" / "backtest_job.yaml"
WRITE = "other objects than tests/operator/golden has; its backtest_job.py says how to write them down"
BUILTIN = {"source": {"builtin": "MovingAverageCross"}}


def run(**spec):
    meta = {"name": "ma-cross", "namespace": "research", "uid": "1234"}
    return {"apiVersion": "tidewright.io/v1alpha1", "kind": "BacktestRun", "metadata": meta, "spec": spec}


def job(strategy=BUILTIN, attempt=1, **spec):
    return backtest_job(run(**spec), Pod(), strategy, attempt, Settings())


def test_objects_are_those_written_down():
    made = runpy.run_path(str(GOLDEN.with_suffix(".py")))["golden_objects"]()

    assert made == list(yaml.safe_load_all(GOLDEN.read_text(encoding="utf-8"))), WRITE


def test_every_attempt_has_a_job_of_its_own():
    assert job(attempt=1)["metadata"]["name"] != job(attempt=2)["metadata"]["name"]
    assert job(attempt=2)["metadata"]["name"] == job_name(run(), 2)


def test_what_ends_the_job_is_what_would_end_the_same_again():
    rules = job()["spec"]["podFailurePolicy"]["rules"]
    actions = {
        code: rule["action"] for rule in rules if "onExitCodes" in rule for code in rule["onExitCodes"]["values"]
    }

    assert {reason: actions.get(code, "Count") for reason, code in EXIT_CODES.items() if code} == {
        "Refused": "FailJob",
        "StrategyFailed": "FailJob",
        "DataMissing": "FailJob",
        "Disrupted": "Ignore",
        "Failed": "Count",
    }


@pytest.mark.parametrize(
    ("deadline", "seconds"), [("90s", 90), ("2h", 7200), ("0s", 1), ("999999999w", 2**31 - 1), (None, None)]
)
def test_a_deadline_is_one_that_the_job_controller_can_count_to(deadline, seconds):
    spec = {} if deadline is None else {"deadline": deadline}

    assert job(**spec)["spec"].get("activeDeadlineSeconds") == seconds


def test_the_users_code_holds_nothing_but_itself():
    class_ref = {"module": "desk.cross", "class": "Cross", "image": "registry/desk@sha256:0"}
    pod = job({"source": {"classRef": class_ref}})["spec"]["template"]["spec"]
    (strategy,) = pod["initContainers"]

    assert strategy["restartPolicy"] == "Always"
    assert "volumeMounts" not in strategy
    assert {variable["name"] for variable in strategy["env"]} == {"TIDEWRIGHT_STRATEGY", "TIDEWRIGHT_GRPC_PORT"}
    assert strategy["securityContext"] == pod["containers"][0]["securityContext"]
    assert pod["containers"][0]["image"] == Settings().worker_image


def test_code_without_an_image_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"classRef\.image: missing; .* name it by digest"):
        job({"source": {"classRef": {"module": "desk.cross", "class": "Cross"}}})


def test_a_payload_that_no_config_map_can_hold_is_refused_with_the_remedy():
    assert spec_config_map(run(), {"rules": "x" * 800_000})["immutable"] is True
    with pytest.raises(ValueError, match="larger than a ConfigMap may be; shorten"):
        spec_config_map(run(), {"rules": "ü" * 500_000})
