"""An OptimizationStudy's life on a real API server, with the real Job controller and a kubelet that follows a script."""

import json
from functools import partial

import pytest
from pod_life import Ending, Stays
from studies import FINALIZER, Studies, ending
from work_records import BEST, RESULT_DIGEST, STUDY_RESULT, STUDY_TESTED, failed, study_complete

from tidewright.runs.exits import DATA_MISSING, DISRUPTED, FAILED, REFUSED

NAMED = {"strategy": {"name": "ma-cross"}}


@pytest.fixture
def studies(api, namespace):
    return Studies(api, namespace)


@pytest.fixture
def operator(operator):
    """An operator that knows where trials are kept."""
    return partial(operator, study_secret="trials")  # noqa: S106 - the name of one


def test_a_study_is_searched_by_its_workers_and_concluded_by_one(operator, studies, kubelet):
    kubelet(ending())
    operator()
    created = studies.create(parallelism=3, trials=50)

    status = studies.finished()

    assert studies.conditions() == {
        "Accepted": ("True", "Valid"),
        "Finished": ("True", "Complete"),
        "Complete": ("True", "Complete"),
    }
    assert (status["result"], status["tested"], status["best"]) == (STUDY_RESULT, STUDY_TESTED, BEST)
    assert status["trials"] == {"asked": 50, "complete": 47, "pruned": 2, "failed": 1}
    assert status["provenance"]["resultDigest"] == RESULT_DIGEST
    assert status["progress"] == {"percent": 100, "stage": "Done"}
    (search,), (conclusion,) = studies.jobs_of("search"), studies.jobs_of("conclusion")
    assert (search["spec"]["completionMode"], search["status"]["completedIndexes"]) == ("Indexed", "0-2")
    assert conclusion["status"]["succeeded"] == 1
    assert {job["metadata"]["ownerReferences"][0]["uid"] for job in (search, conclusion)} == {
        created["metadata"]["uid"]
    }
    assert "finalizers" not in studies.get()["metadata"], "its trials are retained"
    words = "Robust: trial 17 of 47, out of sample Sharpe 1.05, deflated Sharpe 97.00%, PBO 12.00%"
    studies.until(lambda: ("Complete", words) in studies.events())


def index_of(pod):
    return int(pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"])


def in_turn(*ends):
    left = list(ends)
    return lambda pod: left.pop(0) if len(left) > 1 else left[0]


def asked_for(job):
    return job["metadata"]["labels"]["tidewright.io/trials"]


def at_a_time(studies):
    return [(job["spec"]["parallelism"], job["spec"]["completions"]) for job in studies.jobs_of("search")]


def test_a_users_own_code_runs_beside_every_worker(operator, studies, kubelet):
    kubelet(ending())
    operator()
    image = f"registry/desk@sha256:{64 * 'a'}"
    source = {"classRef": {"module": "desk.cross", "class": "Cross", "image": image}}
    studies.create(strategy={"source": source, "symbols": ["BTC/USDT"], "timeframe": "1h"}, parallelism=2)

    studies.finished()

    assert studies.conditions()["Finished"] == ("True", "Complete")
    for job in studies.jobs():
        pod = job["spec"]["template"]["spec"]
        assert [one["image"] for one in pod["initContainers"]] == [image]
        assert pod["containers"][0]["args"][-2:] == ["--strategy-endpoint", "127.0.0.1:9000"]


def test_without_a_store_for_trials_a_study_says_what_is_missing_and_begins_once_it_is_there(
    operator, studies, kubelet
):
    kubelet(ending())
    process = operator(study_secret="")
    studies.create()
    studies.reaches("NoStudyStore")
    assert studies.conditions()["Accepted"] == ("False", "NoStudyStore")
    assert "set TIDEWRIGHT_STUDY_SECRET" in studies.message("Finished")
    assert studies.jobs() == []

    process.kill()
    process.start(STUDY_SECRET="trials").wait_until_ready()  # noqa: S106

    assert studies.finished()["result"] == STUDY_RESULT


def test_a_study_waits_for_its_strategy_and_searches_it_as_it_was_then(operator, studies, kubelet):
    kubelet(ending(search=Stays.RUNNING))
    operator()
    studies.create(**NAMED)
    studies.reaches("StrategyNotFound")
    studies.create_strategy("ma-cross", parameters={"fast": 5})
    studies.reaches("Running")

    path = studies.path.replace("optimizationstudies", "tradingstrategies")
    studies.merge(f"{path}/ma-cross", {"spec": {"parameters": {"fast": 6}}})
    studies.delete_job()
    studies.until(lambda: studies.pods_of("search"))

    maps = [one for one in studies.list("/api/v1", "configmaps") if "run.json" in one.get("data", {})]
    (payload,) = [json.loads(one["data"]["run.json"]) for one in maps]
    assert payload["spec"]["strategy"]["parameters"] == {"fast": 5}
    assert payload["strategyDigest"] == studies.status()["provenance"]["strategyDigest"]


def test_a_parameter_that_cannot_be_is_refused_with_field_and_remedy(operator, studies):
    operator()
    strategy = {"source": {"builtin": "MovingAverageCross"}, "symbols": ["BTC/USDT"], "timeframe": "1h"}
    studies.create(strategy={**strategy, "parameters": {"fast": 30, "slow": 10}}, deletionPolicy="Delete")

    studies.finished()

    assert studies.conditions()["Accepted"] == ("False", "InvalidStrategy")
    assert "parameters" in studies.message("Accepted")
    assert (studies.jobs(), studies.get()["metadata"].get("finalizers")) == ([], None)


def test_a_study_is_held_and_released_while_it_searches_and_while_it_is_evaluated(operator, studies, kubelet):
    ends = kubelet(ending(search=Stays.RUNNING, conclusion=Stays.RUNNING))
    operator()
    studies.create(suspend=True, parallelism=2)
    studies.reaches("Suspended")
    assert [job["spec"]["suspend"] for job in studies.jobs()] == [True]
    assert studies.pods() == []
    studies.change(suspend=False)
    studies.reaches("Running")
    studies.until(lambda: len(studies.pods_of("search")) == 2)

    for component, reason in (("search", "Running"), ("conclusion", "Evaluating")):
        studies.change(suspend=True)
        studies.reaches("Suspended")
        studies.until(lambda component=component: not studies.pods_of(component))
        studies.change(suspend=False)
        studies.reaches(reason)
        for pod in studies.pods_of("search"):
            ends.finish(pod["metadata"]["name"], Ending(0))
        if component == "search":
            studies.reaches("Evaluating")
    for pod in studies.pods_of("conclusion"):
        ends.finish(pod["metadata"]["name"], Ending(0, study_complete()))

    status = studies.finished()

    assert (status["attempts"], status["result"]) == (1, STUDY_RESULT)
    assert studies.conditions()["Suspended"] == ("False", "Resumed")


def test_the_number_of_workers_may_be_changed_while_they_work(operator, studies, kubelet):
    ends = kubelet(ending(search=Stays.RUNNING))
    operator()
    studies.create(parallelism=2, trials=8)
    studies.until(lambda: len(studies.pods_of("search")) == 2)
    (first,) = studies.jobs_of("search")

    for workers, there in ((5, 5), (1, 1), (100, 8), (3, 3)):
        studies.change(parallelism=workers)
        studies.until(lambda there=there: len(studies.pods_of("search")) == there)
        assert at_a_time(studies) == [(there, there)]
    for pod in studies.pods_of("search"):
        ends.finish(pod["metadata"]["name"], Ending(0))

    assert studies.finished()["result"] == STUDY_RESULT
    assert studies.jobs_of("search")[0]["metadata"]["uid"] == first["metadata"]["uid"], "it was never made anew"


def test_a_finished_study_goes_on_where_more_trials_are_asked_for(operator, studies, kubelet):
    kubelet(ending())
    operator()
    studies.create(trials=100)
    first = studies.finished()
    assert (first["trials"]["asked"], first["trials"]["complete"], first["attempts"]) == (100, 97, 1)

    studies.change(trials=250)
    studies.until(lambda: studies.status()["trials"]["asked"] == 250)
    status = studies.finished()

    assert (status["trials"]["complete"], status["attempts"]) == (247, 1)
    assert status["startTime"] == first["startTime"]
    assert [asked_for(job) for job in studies.jobs()] == ["250", "250"], "what was made for fewer is gone"
    studies.change(trials=50)
    studies.change(parallelism=4)
    studies.create("after")
    studies.finished("after")
    assert studies.status()["trials"] == status["trials"], "a result is not taken back"


def test_more_trials_while_it_searches_take_the_place_of_fewer(operator, studies, kubelet):
    kubelet(
        ending(
            search=lambda pod: (
                Stays.RUNNING if pod["metadata"]["labels"]["tidewright.io/trials"] == "100" else Ending(0)
            )
        )
    )
    operator()
    studies.create(trials=100)
    studies.reaches("Running")

    studies.change(trials=200)

    assert studies.finished()["trials"]["complete"] == 197
    assert {asked_for(job) for job in studies.jobs()} == {"200"}


def test_a_worker_that_dies_again_and_again_leaves_its_work_to_the_others(operator, studies, kubelet):
    kubelet(ending(search=lambda pod: Ending(137) if index_of(pod) == 1 else Ending(0)))
    operator()
    studies.create(parallelism=3, retries=0)

    assert studies.finished()["result"] == STUDY_RESULT
    assert studies.jobs_of("search")[0]["status"]["failedIndexes"] == "1"


def test_a_study_whose_workers_all_fail_ends_with_the_last_words_of_one(operator, studies, kubelet):
    kubelet(ending(search=Ending(FAILED, failed("Failed", "the store does not answer"))))
    operator()
    studies.create(parallelism=2, retries=0)

    studies.finished()

    assert studies.conditions()["Failed"] == ("True", "Failed")
    assert studies.message("Failed") == "the store does not answer"
    assert studies.jobs_of("conclusion") == []


@pytest.mark.parametrize(
    ("code", "reason"), [(REFUSED, "Refused"), (REFUSED, "StrategyFailed"), (DATA_MISSING, "DataMissing")]
)
def test_what_one_worker_refuses_ends_the_study_with_its_words(operator, studies, kubelet, code, reason):
    refusal = Ending(code, failed(reason, "spec.searchSpace[0].name: 'fest': unknown"))
    kubelet(ending(search=lambda pod: refusal if index_of(pod) == 1 else Stays.RUNNING))
    operator()
    studies.create(parallelism=3, retries=5)

    studies.finished()

    assert studies.conditions()["Failed"] == ("True", reason)
    assert studies.message("Failed") == "spec.searchSpace[0].name: 'fest': unknown"


@pytest.mark.parametrize(
    "end",
    [Ending(137, disruption="EvictionByEvictionAPI"), Ending(DISRUPTED, failed("Disrupted", "told to stop"))],
    ids=["evicted", "told to stop"],
)
def test_a_disruption_is_no_failure(operator, studies, kubelet, end):
    kubelet(ending(search=in_turn(end, Ending(0)), conclusion=in_turn(end, Ending(0, study_complete()))))
    operator()
    studies.create(retries=0)

    assert studies.finished()["result"] == STUDY_RESULT
    assert (len(studies.pods_of("search")), len(studies.pods_of("conclusion"))) == (2, 2)


def test_an_evaluation_that_fails_ends_the_study_with_its_words(operator, studies, kubelet):
    kubelet(ending(conclusion=Ending(REFUSED, failed("StrategyFailed", "all 100 trials failed: division by zero"))))
    operator()
    studies.create()

    studies.finished()

    assert studies.conditions()["Failed"] == ("True", "StrategyFailed")
    assert studies.message("Failed") == "all 100 trials failed: division by zero"


def test_a_record_that_is_lost_means_one_more_evaluation_and_no_other_search(operator, studies, kubelet):
    kubelet(ending(conclusion=in_turn(Ending(0, ""), Ending(0, study_complete()))))
    operator()
    studies.create()

    assert studies.finished()["attempts"] == 2
    assert studies.status()["result"] == STUDY_RESULT
    assert (len(studies.pods_of("search")), len(studies.jobs_of("conclusion"))) == (1, 1)


def test_records_that_are_lost_again_and_again_end_the_study(operator, studies, kubelet):
    kubelet(ending(conclusion=Ending(0, "")))
    operator()
    studies.create()

    assert studies.finished()["attempts"] == 3
    assert studies.conditions()["Failed"] == ("True", "RecordLost")


def test_a_worker_of_another_version_is_told_of_and_not_repeated(operator, studies, kubelet):
    kubelet(ending(conclusion=Ending(0, json.dumps({**json.loads(study_complete()), "newField": 1}))))
    operator()
    studies.create()

    assert studies.finished()["attempts"] == 1
    assert studies.conditions()["Failed"] == ("True", "RecordUnreadable")


@pytest.mark.parametrize(
    ("component", "reason", "attempts"), [("search", "Running", 1), ("conclusion", "Evaluating", 2)]
)
def test_a_job_that_is_deleted_is_made_anew(operator, studies, kubelet, component, reason, attempts):
    last = Ending(0, study_complete())
    kubelet(ending(**{component: in_turn(Stays.RUNNING, last)}))
    operator()
    studies.create()
    studies.reaches(reason)

    studies.delete_job()

    assert studies.finished()["attempts"] == attempts
    assert studies.status()["result"] == STUDY_RESULT


@pytest.mark.parametrize(("component", "reason"), [("search", "Running"), ("conclusion", "Evaluating")])
def test_an_operator_that_was_away_finds_what_happened_meanwhile(operator, studies, kubelet, component, reason):
    ends = kubelet(ending(**{component: Stays.RUNNING}))
    process = operator()
    studies.create()
    studies.reaches(reason)
    process.kill()

    (pod,) = studies.pods_of(component)
    ends.finish(pod["metadata"]["name"], Ending(0, study_complete()))
    studies.until(lambda: studies.jobs_of(component)[0]["status"].get("succeeded"))
    process.start().wait_until_ready()

    assert studies.finished()["attempts"] == 1
    assert (len(studies.jobs_of("search")), len(studies.jobs_of("conclusion"))) == (1, 1)


def test_a_finished_study_keeps_its_jobs_as_long_as_it_is_asked_to_and_is_never_started_again(
    operator, studies, kubelet
):
    kubelet(ending())
    process = operator(resync_seconds=0.5)
    studies.create("kept", ttlAfterFinished="1h")
    studies.create("gone", ttlAfterFinished="1s")
    studies.finished("kept")
    finished = studies.finished("gone")
    studies.until(lambda: not studies.jobs("gone"), "gone")

    process.kill()
    process.start().wait_until_ready()
    studies.create("after")
    studies.finished("after")

    assert (studies.status("gone"), studies.jobs("gone")) == (finished, [])
    assert len(studies.jobs("kept")) == 2


LIVES = {
    "Running": ending(search=Stays.RUNNING),
    "Evaluating": ending(conclusion=Stays.RUNNING),
    "Complete": ending(),
}


@pytest.mark.parametrize("reason", LIVES)
@pytest.mark.parametrize("operating", [True, False], ids=["", "while the operator is down"])
def test_a_study_whose_trials_are_retained_goes_at_once_and_may_come_again(
    operator, studies, kubelet, reason, operating
):
    kubelet(LIVES[reason])
    process = operator()
    studies.create()
    studies.reaches(reason)
    if not operating:
        process.kill()

    studies.delete()

    studies.until(lambda: studies.get() is None and not studies.jobs())
    if not operating:
        process.start().wait_until_ready()
    created = studies.create()
    studies.until(lambda: studies.jobs_of("search"))
    assert studies.jobs_of("search")[0]["metadata"]["ownerReferences"][0]["uid"] == created["metadata"]["uid"]
    assert studies.jobs_of("forgetting") == []


@pytest.mark.parametrize("reason", LIVES)
def test_a_study_whose_trials_go_with_it_waits_until_nobody_works_and_they_are_gone(operator, studies, kubelet, reason):
    seen = []

    def forget(pod):
        seen.append([one["metadata"]["name"] for one in (*studies.pods_of("search"), *studies.pods_of("conclusion"))])
        return Ending(0)

    kubelet(lambda pod: forget(pod) if "forgetting" in pod["metadata"]["name"] else LIVES[reason](pod))
    operator()
    studies.create(deletionPolicy="Delete", parallelism=2)
    studies.reaches(reason)
    assert studies.get()["metadata"]["finalizers"] == [FINALIZER]

    studies.delete()

    studies.until(lambda: studies.get() is None)
    assert seen == [[]], "workers were still there when their trials were removed"
    studies.until(lambda: not studies.jobs())
    assert "TrialsLeft" not in dict(studies.events())
    studies.create(deletionPolicy="Delete")
    studies.until(lambda: studies.jobs_of("search"))


def test_a_study_that_waits_for_its_children_to_go_loses_its_trials_too(operator, studies, kubelet):
    """``kubectl delete --cascade=foreground``."""
    forgotten = []
    kubelet(ending(search=Stays.RUNNING, forgetting=lambda pod: forgotten.append(pod) or Ending(0)))
    operator()
    studies.create(deletionPolicy="Delete")
    studies.reaches("Running")

    studies.kube.request("DELETE", f"{studies.path}/run", json={"propagationPolicy": "Foreground"}).raise_for_status()

    studies.until(lambda: studies.get() is None)
    assert forgotten


def test_a_study_is_deleted_by_the_operator_that_comes_back(operator, studies, kubelet):
    kubelet(ending())
    process = operator()
    studies.create(deletionPolicy="Delete")
    studies.finished()
    process.kill()
    studies.delete()
    assert "deletionTimestamp" in studies.get()["metadata"]

    process.start().wait_until_ready()

    studies.until(lambda: studies.get() is None)


def test_trials_that_cannot_be_removed_are_told_of_and_hold_nothing_up(operator, studies, kubelet):
    kubelet(ending(forgetting=Ending(REFUSED, failed("Refused", "no such database"))))
    operator()
    studies.create(deletionPolicy="Delete")
    studies.finished()

    studies.delete()

    studies.until(lambda: studies.get() is None)
    studies.until(lambda: "TrialsLeft" in dict(studies.events()))
    assert f"forget --study {studies.namespace}/run" in dict(studies.events())["TrialsLeft"]


def test_a_namespace_that_goes_is_held_up_by_no_study(operator, studies, kubelet):
    kubelet(ending())
    operator()
    studies.create(deletionPolicy="Delete")
    studies.finished()

    studies.kube.delete(f"/api/v1/namespaces/{studies.namespace}").raise_for_status()

    studies.until(lambda: studies.get() is None)
