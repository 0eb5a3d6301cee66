"""The Jobs of an OptimizationStudy."""

import runpy
from pathlib import Path

import pytest
import yaml

from tidewright.specs.pod import Pod
from tidewright_operator.kinds.study_jobs import (
    conclusion_job,
    conclusion_name,
    forgetting_job,
    search_job,
    search_name,
    workers_of,
)
from tidewright_operator.settings import Settings

GOLDEN = Path(__file__).parents[2] / "golden" / "study_jobs.yaml"
WRITE = "other objects than tests/operator/golden has; its study_jobs.py says how to write them down"
BUILTIN = {"source": {"builtin": "MovingAverageCross"}}
SETTINGS = Settings(study_secret="trials")  # noqa: S106 - the name of one


def study(name="ma-cross", **spec):
    meta = {"name": name, "namespace": "research", "uid": "1234"}
    return {"apiVersion": "tidewright.io/v1alpha1", "kind": "OptimizationStudy", "metadata": meta, "spec": spec}


def container(job):
    (found,) = job["spec"]["template"]["spec"]["containers"]
    return found


def test_objects_are_those_written_down():
    made = runpy.run_path(str(GOLDEN.with_suffix(".py")))["golden_objects"]()

    assert made == list(yaml.safe_load_all(GOLDEN.read_text(encoding="utf-8"))), WRITE


def test_another_number_of_trials_and_another_attempt_are_other_jobs():
    names = [search_name(study(trials=100)), search_name(study(trials=200))]
    names += [conclusion_name(study(trials=trials), attempt) for trials in (100, 200) for attempt in (1, 2)]

    assert len(set(names)) == len(names)


def test_the_pods_of_the_longest_name_have_a_host_name_still():
    job = search_job(study(253 * "n", trials=1_000_000, parallelism=256), Pod(), BUILTIN, SETTINGS)

    assert len(f"{job['metadata']['name']}-255") <= 63


@pytest.mark.parametrize(
    ("spec", "workers"), [({}, 1), ({"parallelism": 16}, 16), ({"parallelism": 16, "trials": 5}, 5)]
)
def test_there_are_never_more_workers_than_trials(spec, workers):
    assert workers_of(study(**spec)) == workers
    job = search_job(study(**spec), Pod(), BUILTIN, SETTINGS)
    assert (job["spec"]["parallelism"], job["spec"]["completions"]) == (workers, workers)


def test_the_url_of_the_trials_is_in_no_object():
    for job in (
        search_job(study(), Pod(), BUILTIN, SETTINGS),
        conclusion_job(study(), Pod(), BUILTIN, 1, SETTINGS),
        forgetting_job(study(), Pod(), SETTINGS),
    ):
        (told,) = [one for one in container(job)["env"] if one["name"] == "TIDEWRIGHT_DATABASE"]
        assert told == {
            "name": "TIDEWRIGHT_DATABASE",
            "valueFrom": {"secretKeyRef": {"name": "trials", "key": "url"}},
        }


def test_what_forgets_needs_nothing_that_may_be_gone_and_is_not_deleted_before_it_has():
    job = forgetting_job(study(suspend=True), Pod(queueName="research"), SETTINGS)

    assert container(job)["args"][-2:] == ["--study", "research/ma-cross"]
    assert [volume["name"] for volume in job["spec"]["template"]["spec"]["volumes"]] == ["tmp"]
    assert [owner["blockOwnerDeletion"] for owner in job["metadata"]["ownerReferences"]] == [False]
    assert "suspend" not in job["spec"]
    assert "kueue.x-k8s.io/queue-name" not in job["metadata"]["labels"]
