"""The objects of a BacktestRun."""

import runpy
from pathlib import Path

import pytest
import yaml

from tidewright.runs.exits import EXIT_CODES
from tidewright.specs.pod import Pod
from tidewright_operator.kinds.backtest_job import backtest_job, job_name
from tidewright_operator.kinds.work_input import spec_config_map
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

    assert strategy["restartPolicy"] == "Always", "it would keep the Job from being done"
    assert "startupProbe" not in strategy, "the worker would never be there to tell that it does not come up"
    assert pod["containers"][0]["args"][-2:] == ["--strategy-endpoint", "127.0.0.1:9000"]
    assert "volumeMounts" not in strategy
    assert {variable["name"] for variable in strategy["env"]} == {"TIDEWRIGHT_STRATEGY", "TIDEWRIGHT_GRPC_PORT"}
    assert strategy["securityContext"] == pod["containers"][0]["securityContext"]
    assert pod["containers"][0]["image"] == Settings().worker_image


def test_a_payload_that_no_config_map_can_hold_is_refused_with_the_remedy():
    assert spec_config_map(run(), {"rules": "x" * 800_000})["immutable"] is True
    with pytest.raises(ValueError, match="larger than a ConfigMap may be; shorten"):
        spec_config_map(run(), {"rules": "ü" * 500_000})


def test_a_worker_is_told_where_to_tell_how_far_it_is_and_under_which_key():
    def told(**settings):
        made = backtest_job(run(), Pod(), BUILTIN, 2, Settings(**settings))
        environment = made["spec"]["template"]["spec"]["containers"][0]["env"]
        return {one["name"]: one for one in environment if "STREAMS" in one["name"] or "PROGRESS" in one["name"]}

    key = {"name": "TIDEWRIGHT_PROGRESS_KEY", "value": f"research/{job_name(run(), 2)}"}
    assert told() == {}
    assert told(streams="redis://r/0") == {
        "TIDEWRIGHT_STREAMS": {"name": "TIDEWRIGHT_STREAMS", "value": "redis://r/0"},
        "TIDEWRIGHT_PROGRESS_KEY": key,
    }
    secret = told(streams="redis://u:secret@r/0", streams_secret="redis")["TIDEWRIGHT_STREAMS"]  # noqa: S106
    assert secret["valueFrom"] == {"secretKeyRef": {"name": "redis", "key": "url", "optional": True}}
    assert "value" not in secret


def test_a_worker_is_told_of_a_tracker_where_there_is_one():
    def told(tracking):
        made = backtest_job(run(), Pod(), BUILTIN, 1, Settings(tracking=tracking))
        environment = made["spec"]["template"]["spec"]["containers"][0]["env"]
        return [one["value"] for one in environment if one["name"] == "TIDEWRIGHT_TRACKING"]

    assert told("") == []
    assert told("http://mlflow:8010") == ["http://mlflow:8010"]
