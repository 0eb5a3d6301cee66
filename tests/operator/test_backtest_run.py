"""A BacktestRun's life on a real API server, with the real Job controller and a kubelet that follows a script."""

import json

import httpx
import pytest
from backtest_runs import STRATEGY
from faults import noticed
from pod_life import Ending, Stays
from work_records import RESULT, RESULT_DIGEST, complete, failed

from tidewright.runs.exits import DATA_MISSING, FAILED, REFUSED

DONE = Ending(0, complete())
NAMED = {"strategy": {"name": "ma-cross"}}


def always(end):
    return lambda pod: end


def in_turn(*ends):
    left = list(ends)
    return lambda pod: left.pop(0) if len(left) > 1 else left[0]


def payload(runs):
    (config_map,) = [one for one in runs.list("/api/v1", "configmaps") if "run.json" in one.get("data", {})]
    return json.loads(config_map["data"]["run.json"])


def digest(runs):
    return runs.status()["provenance"]["strategyDigest"]


def attempts(runs):
    return [job["metadata"]["labels"]["tidewright.io/attempt"] for job in runs.jobs("run")]


def test_a_run_comes_to_its_result(operator, runs, kubelet):
    kubelet(always(DONE))
    operator()
    created = runs.create()

    status = runs.finished()

    assert runs.conditions() == {
        "Accepted": ("True", "Valid"),
        "Finished": ("True", "Complete"),
        "Complete": ("True", "Complete"),
    }
    assert status["result"] == RESULT
    assert status["provenance"]["resultDigest"] == RESULT_DIGEST
    assert status["progress"] == {"percent": 100, "stage": "Done"}
    assert (status["attempts"], status["observedGeneration"]) == (1, 1)
    assert created["metadata"]["creationTimestamp"] <= status["startTime"] <= status["completionTime"]
    runs.until(lambda: ("Complete", "Return 12.30%, Sharpe 1.10, 42 trades") in runs.events())
    (job,) = runs.jobs()
    assert job["metadata"]["ownerReferences"][0]["uid"] == created["metadata"]["uid"]


def test_a_run_of_a_users_own_code_is_done_when_its_worker_is(operator, runs, kubelet):
    kubelet(in_turn(Ending(FAILED, failed("Failed", "nobody has answered at 127.0.0.1:9000 for 120 s")), DONE))
    operator()
    image = f"registry/desk@sha256:{64 * 'a'}"
    source = {"classRef": {"module": "desk.cross", "class": "Cross", "image": image}}
    runs.create(strategy={**STRATEGY, "source": source})

    status = runs.finished()

    assert runs.conditions()["Finished"] == ("True", "Complete")
    assert status["provenance"]["resultDigest"] == RESULT_DIGEST
    (job,) = runs.jobs()
    assert (job["status"]["succeeded"], job["status"]["failed"]) == (1, 1), (
        "the code's own exit code counts for nothing"
    )
    ended = [pod["status"]["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] for pod in runs.pods()]
    assert ended == [143, 143]


def test_code_whose_image_nobody_can_tell_apart_from_another_is_refused(operator, runs):
    operator()
    source = {"classRef": {"module": "desk.cross", "class": "Cross", "image": "registry/desk:latest"}}
    runs.create(strategy={**STRATEGY, "source": source})

    runs.finished()

    assert runs.conditions()["Finished"] == ("True", "InvalidStrategy")
    assert "spec.strategy.source.classRef.image: 'registry/desk:latest': " in runs.message("Accepted")
    assert runs.jobs() == []


def test_nothing_is_written_on_a_run_but_its_status(operator, runs, kubelet):
    kubelet(always(DONE))
    operator()
    created = runs.create()
    runs.finished()

    meta = runs.get()["metadata"]

    assert {name: meta[name] for name in created["metadata"] if name not in {"managedFields", "resourceVersion"}} == {
        name: value for name, value in created["metadata"].items() if name not in {"managedFields", "resourceVersion"}
    }
    assert "finalizers" not in meta
    assert "annotations" not in meta
    by_the_operator = [one for one in meta["managedFields"] if one["manager"] == "tidewright-operator"]
    assert [one.get("subresource") for one in by_the_operator] == ["status"]


def test_a_run_is_worked_on_whatever_is_annotated_on_it(operator, runs, kubelet):
    kubelet(always(DONE))
    operator()
    most = 262_144
    too_much = {**runs.resource("BacktestRun", "run", {"strategy": STRATEGY, "data": {"exchange": "simulated"}})}
    too_much["metadata"]["annotations"] = {"a": "x" * most}
    assert runs.kube.post(runs.path, json=too_much).status_code == 422
    too_much["metadata"]["annotations"] = {"a": "x" * (most - 1)}
    runs.kube.post(runs.path, json=too_much).raise_for_status()

    assert runs.finished()["result"] == RESULT


def test_conditions_of_others_stay(operator, runs, kubelet):
    kubelet(always(Stays.RUNNING))
    operator()
    runs.create()
    runs.reaches("Running")
    theirs = {
        "type": "Audited",
        "status": "True",
        "reason": "ByHand",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    applied = {"apiVersion": "tidewright.io/v1alpha1", "kind": "BacktestRun", "status": {"conditions": [theirs]}}
    runs.kube.patch(
        f"{runs.path}/run/status",
        params={"fieldManager": "auditor"},
        content=json.dumps(applied),
        headers={"Content-Type": "application/apply-patch+yaml"},
    ).raise_for_status()

    runs.change(suspend=True)
    runs.reaches("Suspended")

    assert runs.conditions()["Audited"] == ("True", "ByHand")
    version = runs.get()["metadata"]["resourceVersion"]
    runs.merge(f"{runs.path}/run", {"metadata": {"labels": {"a": "b"}}})
    runs.until(lambda: runs.get()["metadata"]["resourceVersion"] != version)
    assert set(runs.conditions()) == {"Accepted", "Audited", "Finished", "Suspended"}


def test_an_invalid_parameter_is_refused_with_field_and_remedy(operator, runs):
    operator()
    runs.create(strategy={**STRATEGY, "parameters": {"fast": 30, "slow": 10}})

    runs.finished()

    assert runs.conditions() == {
        "Accepted": ("False", "InvalidStrategy"),
        "Finished": ("True", "InvalidStrategy"),
        "Complete": ("False", "InvalidStrategy"),
        "Failed": ("True", "InvalidStrategy"),
    }
    assert "parameters" in runs.message("Accepted")
    assert "30" in runs.message("Accepted")
    assert runs.jobs() == []


def test_a_pod_that_the_api_server_will_not_have_ends_the_run_with_its_words(operator, runs):
    operator()
    runs.create(pod={"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}})

    runs.finished()

    assert runs.conditions()["Accepted"] == ("False", "InvalidSpec")
    assert "must be less than or equal to memory limit" in runs.message("Accepted")


def test_what_a_run_is_cannot_be_changed(runs):
    runs.create()

    with pytest.raises(httpx.HTTPStatusError, match="create another"):
        runs.change(seed=8)
    runs.change(suspend=True)
    runs.change(ttlAfterFinished="1h")


def test_a_strategy_may_come_late_and_what_is_tested_is_what_it_was_then(operator, runs, kubelet):
    kubelet(always(Stays.RUNNING))
    operator()
    runs.create(**NAMED)
    runs.reaches("StrategyNotFound")
    assert runs.conditions()["Accepted"] == ("False", "StrategyNotFound")
    assert "begins when there is one" in runs.message("Finished")
    assert runs.jobs() == []

    runs.create_strategy("ma-cross", parameters={"fast": 5})
    runs.reaches("Running")
    tested = digest(runs)
    strategies = runs.path.replace("backtestruns", "tradingstrategies")
    runs.merge(f"{strategies}/ma-cross", {"spec": {"parameters": {"fast": 6}}})
    runs.kube.delete(f"{strategies}/ma-cross").raise_for_status()
    runs.delete_job()
    runs.until(lambda: attempts(runs) == ["2"])

    assert payload(runs)["spec"]["strategy"]["parameters"]["fast"] == 5
    assert digest(runs) == payload(runs)["strategyDigest"] == tested


def test_what_is_tested_is_never_made_anew_of_another_strategy(operator, runs, kubelet):
    kubelet(always(Stays.RUNNING))
    operator()
    runs.create_strategy("ma-cross", parameters={"fast": 5})
    runs.create(**NAMED)
    runs.reaches("Running")
    strategies = runs.path.replace("backtestruns", "tradingstrategies")
    runs.merge(f"{strategies}/ma-cross", {"spec": {"parameters": {"fast": 6}}})
    for config_map in runs.list("/api/v1", "configmaps"):
        if "run.json" in config_map.get("data", {}):
            name = config_map["metadata"]["name"]
            runs.kube.delete(f"/api/v1/namespaces/{runs.namespace}/configmaps/{name}").raise_for_status()

    runs.delete_job()
    runs.finished()

    assert runs.conditions()["Failed"] == ("True", "StrategyChanged")
    assert runs.jobs() == []


def test_a_run_is_held_and_released_twenty_times(operator, runs, kubelet):
    kubelet(always(Stays.RUNNING))
    operator()
    runs.create(suspend=True)
    for _ in range(20):
        runs.change(suspend=True)
        runs.reaches("Suspended")
        runs.until(lambda: [job["spec"]["suspend"] for job in runs.jobs()] == [True])
        assert runs.conditions()["Suspended"] == ("True", "SuspendedByUser")
        runs.change(suspend=False)
        runs.until(lambda: runs.conditions()["Suspended"] == ("False", "Resumed"))
        runs.until(lambda: [job["spec"]["suspend"] for job in runs.jobs()] == [False])

    runs.reaches("Running")
    assert attempts(runs) == ["1"]
    assert len([pod for pod in runs.pods() if "deletionTimestamp" not in pod["metadata"]]) == 1


def test_a_run_that_takes_too_long_ends(operator, runs, kubelet):
    kubelet(always(Stays.RUNNING))
    operator()
    runs.create(deadline="1s")

    runs.finished()

    assert runs.conditions()["Failed"] == ("True", "DeadlineExceeded")
    assert "longer one" in runs.message("Failed")


def test_what_failed_is_tried_again_as_often_as_asked(operator, runs, kubelet):
    kubelet(always(Ending(FAILED, failed("Failed", "the disk is full"))))
    operator()
    runs.create(retries=0)

    runs.finished()

    assert runs.conditions()["Failed"] == ("True", "Failed")
    assert runs.message("Failed") == "the disk is full"
    assert len(runs.pods()) == 1


@pytest.mark.soak  # the Job controller waits ten seconds before it tries again
def test_what_failed_once_may_succeed(operator, runs, kubelet):
    kubelet(in_turn(Ending(FAILED, failed("Failed", "the disk is full")), DONE))
    operator()
    runs.create(retries=1)

    assert runs.finished()["result"] == RESULT
    assert len(runs.pods()) == 2
    assert attempts(runs) == ["1"]


@pytest.mark.parametrize(
    ("code", "reason"), [(REFUSED, "Refused"), (REFUSED, "StrategyFailed"), (DATA_MISSING, "DataMissing")]
)
def test_what_would_end_the_same_again_is_not_tried_again(operator, runs, kubelet, code, reason):
    kubelet(always(Ending(code, failed(reason, "BTC/USDT has no bars before 2021; import them"))))
    operator()
    runs.create(retries=5)

    runs.finished()

    assert runs.conditions()["Failed"] == ("True", reason)
    assert runs.message("Failed") == "BTC/USDT has no bars before 2021; import them"
    assert len(runs.pods()) == 1


@pytest.mark.parametrize(
    "end",
    [Ending(137, disruption="EvictionByEvictionAPI"), Ending(143, failed("Disrupted", "told to stop"))],
    ids=["evicted", "told to stop"],
)
def test_a_disruption_is_no_failure(operator, runs, kubelet, end):
    kubelet(in_turn(end, DONE))
    operator()
    runs.create(retries=0)

    assert runs.finished()["result"] == RESULT
    assert len(runs.pods()) == 2


def test_a_job_that_is_deleted_before_its_end_was_seen_means_one_more_attempt(operator, runs, kubelet):
    kubelet(in_turn(Stays.RUNNING, DONE))
    operator()
    runs.create()
    runs.reaches("Running")
    tested = digest(runs)

    runs.delete_job()

    assert runs.finished()["attempts"] == 2
    assert runs.conditions()["Complete"] == ("True", "Complete")
    assert attempts(runs) == ["2"]
    assert payload(runs)["strategyDigest"] == tested


def test_a_record_that_is_lost_means_one_more_attempt(operator, runs, kubelet):
    kubelet(in_turn(Ending(0, ""), DONE))
    operator()
    runs.create()

    assert runs.finished()["attempts"] == 2
    assert runs.status()["result"] == RESULT
    assert attempts(runs) == ["2"], "the one without a record is gone"


def test_records_that_are_lost_again_and_again_end_the_run_and_leave_nothing_behind(operator, runs, kubelet):
    kubelet(always(Ending(0, "")))
    operator()
    runs.create(retries=0)

    runs.finished()

    assert runs.conditions()["Failed"] == ("True", "RecordLost")
    assert attempts(runs) == ["3"]
    assert {pod["status"]["phase"] for pod in runs.pods() if "deletionTimestamp" not in pod["metadata"]} <= {
        "Succeeded"
    }


def test_a_worker_of_another_version_is_told_of_and_not_repeated(operator, runs, kubelet):
    unreadable = json.dumps({**json.loads(complete()), "newField": 1})
    kubelet(always(Ending(0, unreadable)))
    operator()
    runs.create()

    runs.finished()

    assert runs.conditions()["Failed"] == ("True", "RecordUnreadable")
    assert runs.status()["attempts"] == 1


def test_a_finished_run_keeps_its_job_as_long_as_it_is_asked_to(operator, runs, kubelet):
    kubelet(always(DONE))
    operator()
    runs.create("kept", ttlAfterFinished="1h")
    runs.create("gone", ttlAfterFinished="1s")
    runs.finished("kept")
    finished = runs.finished("gone")

    runs.until(lambda: not runs.jobs("gone"), "gone")

    assert runs.status("gone") == finished
    assert len(runs.jobs("kept")) == 1
    runs.change("kept", ttlAfterFinished="0s")
    runs.until(lambda: not runs.jobs("kept"), "kept")


def test_a_finished_run_is_never_started_again(operator, runs, kubelet):
    kubelet(always(DONE))
    process = operator(resync_seconds=0.5)
    runs.create()
    finished = runs.finished()

    runs.delete_job()
    process.kill()
    process.start().wait_until_ready()
    runs.change(ttlAfterFinished="1h")
    runs.merge(f"{runs.path}/run", {"metadata": {"labels": {"a": "b"}}})
    runs.create("after")
    runs.finished("after")

    assert runs.jobs("run") == []
    assert runs.status() == finished


LIVES = {
    "Pending": (always(Stays.PENDING), {}),
    "Running": (always(Stays.RUNNING), {}),
    "Complete": (always(DONE), {}),
    "Suspended": (always(DONE), {"suspend": True}),
    "StrategyNotFound": (always(DONE), NAMED),
    "InvalidStrategy": (always(DONE), {"strategy": {**STRATEGY, "parameters": {"fast": 30, "slow": 10}}}),
    "DataMissing": (always(Ending(DATA_MISSING, failed("DataMissing", "no bars"))), {}),
}
RARE = {"Suspended", "StrategyNotFound", "InvalidStrategy", "DataMissing"}


@pytest.mark.parametrize(
    "reason", [pytest.param(one, marks=pytest.mark.soak) if one in RARE else one for one in LIVES], ids=LIVES
)
@pytest.mark.parametrize("operating", [True, False], ids=["", "while the operator is down"])
def test_a_run_can_be_deleted_at_any_moment(operator, runs, kubelet, reason, operating):
    script, spec = LIVES[reason]
    kubelet(script)
    process = operator()
    runs.create(**spec)
    runs.reaches(reason)
    if not operating:
        process.kill()

    runs.delete()

    runs.until(lambda: runs.get() is None and not runs.jobs())
    if not operating:
        process.start().wait_until_ready()
    runs.create("run")
    runs.until(lambda: len(runs.jobs()) == 1)
    assert runs.jobs()[0]["metadata"]["ownerReferences"][0]["uid"] == runs.get()["metadata"]["uid"]


def test_a_run_that_waits_for_its_children_to_go_is_given_no_others(operator, runs, kubelet):
    """``kubectl delete --cascade=foreground``."""
    kubelet(always(Stays.RUNNING))
    operator(resync_seconds=0.5)
    runs.create()
    runs.reaches("Running")

    runs.kube.request("DELETE", f"{runs.path}/run", json={"propagationPolicy": "Foreground"}).raise_for_status()

    runs.until(lambda: runs.get() is None)
    assert runs.jobs() == []


def test_a_run_that_was_deleted_while_it_waited_is_forgotten(operator, runs, kubelet):
    kubelet(always(DONE))
    operator()
    runs.create(**NAMED)
    runs.reaches("StrategyNotFound")
    runs.delete()
    runs.create_strategy("ma-cross")
    runs.create("after")

    runs.finished("after")

    assert runs.jobs("run") == []


def test_words_about_a_run_are_never_written_on_its_successor_of_the_same_name(proxy, operator, runs, kubelet):
    kubelet(always(DONE))
    operator(proxy)

    def replace(_):
        runs.delete()
        runs.create(seed=8)

    proxy.fail(noticed(replace), skip=2, verb="patch", resource="backtestruns", subresource="status")
    first = runs.create()
    runs.until(lambda: runs.get()["metadata"]["uid"] != first["metadata"]["uid"])

    runs.finished()

    assert attempts(runs) == ["1"]
    assert payload_seed(runs) == 8


def payload_seed(runs):
    (job,) = runs.jobs("run")
    volumes = job["spec"]["template"]["spec"]["volumes"]
    name = next(one["configMap"]["name"] for one in volumes if "configMap" in one)
    (config_map,) = [one for one in runs.list("/api/v1", "configmaps") if one["metadata"]["name"] == name]
    return json.loads(config_map["data"]["run.json"])["spec"]["seed"]


def test_a_quota_is_waited_for_and_told(operator, runs, kubelet):
    kubelet(always(DONE))
    operator()
    quotas = f"/api/v1/namespaces/{runs.namespace}/resourcequotas"
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    runs.kube.post(quotas, json=quota).raise_for_status()
    runs.until(lambda: runs.kube.get(f"{quotas}/none").json().get("status", {}).get("hard"))
    runs.create()

    runs.until(lambda: runs.conditions().get("Degraded") == ("True", "ReconcileFailed"))
    assert "exceeded quota" in runs.message("Degraded")
    runs.until(lambda: any(reason == "ReconcileFailed" for reason, _ in runs.events()))
    runs.kube.delete(f"{quotas}/none").raise_for_status()

    runs.finished()
    assert "Degraded" not in runs.conditions()
    assert runs.status()["attempts"] == 1


def test_a_kind_whose_service_is_not_there_yet_says_so(operator, runs):
    operator()
    spec = {"data": {"exchange": "simulated"}, "symbols": ["BTC/USDT"], "timeframe": "1h"}
    path = runs.path.replace("backtestruns", "rltrainings")
    created = runs.kube.post(path, json=runs.resource("RLTraining", "waits", spec))
    assert created.is_success, created.text

    def conditions():
        found = runs.kube.get(f"{path}/waits").json().get("status", {}).get("conditions", ())
        return {one["type"]: one for one in found}

    runs.until(conditions)

    assert (conditions()["Accepted"]["status"], conditions()["Accepted"]["reason"]) == ("True", "Valid")
    assert (conditions()["Finished"]["status"], conditions()["Finished"]["reason"]) == ("False", "NoService")
    assert "rl-agent" in conditions()["Finished"]["message"]
