"""The status of an OptimizationStudy: from what became of its Jobs to what a person reads."""

import json

import pytest
from pydantic import TypeAdapter
from work_records import BEST, RESULT_DIGEST, STUDY_RESULT, STUDY_TESTED, failed, study_complete

from tidewright.specs.status import OptimizationStudyStatus
from tidewright.specs.work_record import StudyRecord
from tidewright_operator.clock import read
from tidewright_operator.conditions import Finding
from tidewright_operator.kinds.study_status import (
    Standing,
    attempts_of,
    is_finished,
    search_failed,
    status_of,
    told,
)
from tidewright_operator.kinds.work_status import Attempt, Ending, ending_of
from tidewright_operator.progress import Told

THEN, NOW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
DIGEST = "sha256:" + "a" * 64
FINISHED = [{"type": "Finished", "status": "True", "reason": "Complete", "lastTransitionTime": THEN}]
COUNTED = {"trials": {"complete": 40, "pruned": 2, "failed": 0, "running": 4}, "best": BEST}


def study(status=None, suspend=False, trials=100, **spec):
    return {
        "metadata": {"name": "ma-cross", "generation": 3},
        "spec": {"suspend": suspend, "trials": trials, **spec},
        "status": status or {},
    }


def job(suspend=False, ready=0, **status):
    return {
        "metadata": {"name": "job"},
        "spec": {"suspend": suspend},
        "status": {"ready": ready, "startTime": THEN, **status},
    }


def ended(kind, reason="", message="", **status):
    ending = {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": THEN}
    return job(completionTime=THEN, conditions=[ending], **status)


def concluded(words=None, number=1):
    attempt = Attempt(number, ended("Complete"), study_complete() if words is None else words, StudyRecord)
    return Standing(conclusion=attempt, ending=ending_of(attempt))


def status(standing, before=None, **spec):
    found = status_of(study(before, **spec), standing, read(NOW))
    TypeAdapter(OptimizationStudyStatus).validate_python(found)
    return found


def finished_because(found):
    (one,) = [one for one in found["conditions"] if one["type"] == "Finished"]
    return one["status"], one["reason"]


SEARCHES = {
    "all workers found no work left": (ended("Complete"), "", None),
    "one of them did": (ended("Failed", "FailedIndexes", succeeded=1), "", None),
    "none did": (ended("Failed", "FailedIndexes", "all failed"), "", ("FailedIndexes", "all failed")),
    "none did, with a word": (ended("Failed", "FailedIndexes"), failed("Failed", "disk full"), ("Failed", "disk full")),
    "one refused, another was done": (ended("Failed", "PodFailurePolicy", succeeded=1), failed("Refused", "no such field"), ("Refused", "no such field")),
}  # fmt: skip


@pytest.mark.parametrize(("search", "words", "expected"), SEARCHES.values(), ids=SEARCHES)
def test_a_search_fails_where_nobody_finished_it_or_somebody_refused_it(search, words, expected):
    ending = search_failed(search, words)

    assert (ending and (ending.reason, ending.message)) == expected


STAGES = {
    "waits for its pods": (Standing(search=job()), ("False", "Pending")),
    "waits in a queue": (Standing(search=job(suspend=True)), ("False", "Queued")),
    "searches": (Standing(search=job(ready=2)), ("False", "Running")),
    "waits to be evaluated": (Standing(conclusion=Attempt(1, job())), ("False", "Pending")),
    "is evaluated": (Standing(conclusion=Attempt(1, job(ready=1))), ("False", "Evaluating")),
    "is complete": (concluded(), ("True", "Complete")),
    "has no record of ours": (concluded("Segmentation fault"), ("True", "RecordUnreadable")),
}


@pytest.mark.parametrize(("standing", "expected"), STAGES.values(), ids=STAGES)
def test_the_reason_of_finished_is_the_one_word_for_where_a_study_stands(standing, expected):
    assert finished_because(status(standing)) == expected


def test_the_status_of_a_complete_study_is_its_record():
    found = status(concluded(), {"provenance": {"strategyDigest": DIGEST}})

    assert (found["result"], found["tested"], found["best"]) == (STUDY_RESULT, STUDY_TESTED, BEST)
    assert found["trials"] == {"asked": 100, "complete": 97, "pruned": 2, "failed": 1}
    assert (found["provenance"]["strategyDigest"], found["provenance"]["resultDigest"]) == (DIGEST, RESULT_DIGEST)
    assert (found["completionTime"], found["attempts"]) == (THEN, 1)


def test_what_was_searched_is_the_strategy_that_it_began_with():
    begun = status(Standing(search=job(), strategy_digest=DIGEST))

    assert begun["provenance"] == {"strategyDigest": DIGEST}
    assert status(Standing(search=job(ready=1)), begun)["provenance"] == {"strategyDigest": DIGEST}


def test_what_workers_tell_is_shown_and_kept_until_they_tell_something_else():
    first = status(Standing(search=job(ready=2), told=Told(50, NOW, COUNTED)))
    assert first["trials"] == {**COUNTED["trials"], "asked": 100}
    assert (first["best"], first["progress"]) == (BEST, {"percent": 45, "stage": "Searching", "eta": NOW})

    silent = status(Standing(search=job(ready=2)), first)
    assert (silent["trials"], silent["best"]) == (first["trials"], BEST)
    assert silent["progress"] == {"percent": 45, "stage": "Searching"}
    over = status(Standing(search=job(), ending=Ending(complete=False, reason="Failed", message="died")), first)
    assert "running" not in over["trials"]
    assert over["progress"] == {"percent": 0}


@pytest.mark.parametrize(
    "details", [{"trials": "many"}, {"trials": {"complete": -1}}, {"best": BEST}, {"trials": {}, "else": 1}]
)
def test_what_others_have_written_on_the_board_is_nothing(details):
    found = status(Standing(search=job(ready=2), told=Told(50, None, details)))

    assert found["trials"] == {"asked": 100}


@pytest.mark.parametrize(("percent", "shown"), [(None, 90), (0, 90), (50, 95), (100, 100)])
def test_the_evaluation_is_the_last_tenth(percent, shown):
    standing = Standing(conclusion=Attempt(1, job(ready=1)), told=None if percent is None else Told(percent))

    assert status(standing)["progress"] == {"percent": shown, "stage": "Evaluating"}


def test_a_study_that_goes_on_keeps_what_it_knows_and_nothing_of_how_it_ended():
    before = {**status(concluded()), "startTime": THEN}

    found = status(Standing(search=job()), before, trials=200)

    assert (found["trials"]["asked"], found["trials"]["complete"], found["best"]) == (200, 97, BEST)
    assert (found["attempts"], found["startTime"]) == (0, THEN)
    assert found.keys().isdisjoint({"result", "tested", "completionTime"})
    assert found["progress"] == {"percent": 0, "stage": "Pending"}
    assert finished_because(found) == ("False", "Pending")


@pytest.mark.parametrize(("asked", "trials", "finished"), [(100, 100, True), (100, 101, False), (100, 50, True)])
def test_a_study_is_finished_unless_more_is_asked_for(asked, trials, finished):
    before = {"conditions": FINISHED, "trials": {"asked": asked}, "attempts": 2}

    assert is_finished(study(before, trials=trials)) is finished
    assert attempts_of(study(before, trials=trials)) == (2 if asked == trials else 0)


def test_a_study_that_never_was_told_of_is_not_finished():
    assert not is_finished(study())
    assert not is_finished(study({"conditions": FINISHED})), "of another version"


def test_a_refusal_is_what_was_asked_for_too():
    refused = Finding("Accepted", status=False, reason="InvalidSpec", message="spec.data: missing")

    found = status(Standing(refused, ending=Ending(complete=False, reason="InvalidSpec", message="spec.data: missing")))

    assert finished_because(found) == ("True", "InvalidSpec")
    assert is_finished(study(found))


def test_events_tell_what_came_of_it():
    found = status(concluded())

    assert told("Complete", study(), found, "job") == (
        "Robust: trial 17 of 97, out of sample Sharpe 1.05, deflated Sharpe 97.00%, PBO 12.00%"
    )
    assert told("Running", study(parallelism=3), found, "job").startswith("3 workers search for 100 trials")
    assert told("StrategyNotFound", study(), found, "job") == "StrategyNotFound"


def test_a_record_has_room_for_every_study():
    record = json.loads(study_complete())

    assert StudyRecord.read(json.dumps(record)) is not None
    assert StudyRecord.read(json.dumps({"reason": "Complete"})) is None
    assert StudyRecord.read(failed("Refused", "no")).message == "no"
