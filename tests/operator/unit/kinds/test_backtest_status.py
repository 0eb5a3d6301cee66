"""The status of a BacktestRun: from what became of its attempts to what a person reads."""

import pytest
from pydantic import TypeAdapter
from work_records import RESULT, RESULT_DIGEST, TESTED, complete, failed

from tidewright.specs.status import BacktestRunStatus
from tidewright_operator.clock import read
from tidewright_operator.conditions import Finding, condition
from tidewright_operator.kinds.backtest_status import Standing, findings_of, status_of, told
from tidewright_operator.kinds.work_status import MOST_ATTEMPTS, Attempt, Ending, ending_of
from tidewright_operator.progress import Told

THEN, NOW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
DIGEST = "sha256:" + "0" * 64


def job(suspend=False, ready=0, **status):
    return {"spec": {"suspend": suspend}, "status": {"ready": ready, "startTime": THEN, **status}}


def ended(kind, reason="", message=""):
    ending = {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": THEN}
    return job(completionTime=THEN, conditions=[ending]) if kind == "Complete" else job(conditions=[ending])


def run(suspend=False, status=None):
    return {"metadata": {"name": "ma-cross", "generation": 3}, "spec": {"suspend": suspend}, "status": status or {}}


ENDINGS = {
    "still pending": (job(), "", None),
    "still running": (job(ready=1), "", None),
    "failing, its pods not yet gone": (job(conditions=[{"type": "FailureTarget", "status": "True"}]), "", None),
    "complete": (ended("Complete"), complete(), (True, "Complete", "")),
    "complete, with no record of ours": (ended("Complete"), "Segmentation fault", (False, "RecordUnreadable", "use a worker image")),
    "complete, with half a record": (ended("Complete"), complete()[100:], (False, "RecordUnreadable", "use a worker image")),
    "complete, and says otherwise": (ended("Complete"), failed("Refused", "no"), (False, "Refused", "no")),
    "refused": (ended("Failed", "PodFailurePolicy"), failed("Refused", "fast is 0"), (False, "Refused", "fast is 0")),
    "data missing": (ended("Failed", "PodFailurePolicy"), failed("DataMissing", "no bars"), (False, "DataMissing", "no bars")),
    "the strategy failed": (ended("Failed", "PodFailurePolicy"), failed("StrategyFailed", "1/0"), (False, "StrategyFailed", "1/0")),
    "failed too often": (ended("Failed", "BackoffLimitExceeded", "has failed"), failed("Failed", "disk full"), (False, "Failed", "disk full")),
    "failed without a word": (ended("Failed", "BackoffLimitExceeded", "has failed"), "", (False, "BackoffLimitExceeded", "has failed")),
    "failed after it was complete": (ended("Failed", "BackoffLimitExceeded", "has failed"), complete(), (False, "BackoffLimitExceeded", "has failed")),
    "too slow": (ended("Failed", "DeadlineExceeded", "was active"), failed("Disrupted", "SIGTERM"), (False, "DeadlineExceeded", "longer than its deadline")),
    "lost": (None, "", (False, "RecordLost", f"{MOST_ATTEMPTS} attempts")),
}  # fmt: skip


@pytest.mark.parametrize(("job", "last_words", "expected"), ENDINGS.values(), ids=ENDINGS)
def test_an_attempt_ends_as_its_job_and_its_record_say(job, last_words, expected):
    ending = ending_of(Attempt(1, job, last_words))

    if expected is None:
        assert ending is None
    else:
        complete, reason, message = expected
        assert (ending.complete, ending.reason) == (complete, reason)
        assert message in ending.message
        assert ending.time == (THEN if job else None)


REFUSED = Finding("Accepted", status=False, reason="InvalidSpec", message="spec.data: missing")
WAITS = Finding("Accepted", status=False, reason="StrategyNotFound", message="there is no TradingStrategy a")
VALID = ("Accepted", "True", "Valid")
DONE = Ending(complete=True, reason="Complete")
LATE = Ending(complete=False, reason="DeadlineExceeded", message="too slow")
ONCE_HELD = {
    "conditions": [{"type": "Suspended", "status": "True", "reason": "SuspendedByUser", "lastTransitionTime": THEN}]
}

CONDITIONS = {
    "pending": (run(), Standing(attempt=Attempt(1, job())), [VALID, ("Finished", "False", "Pending")]),
    "running": (run(), Standing(attempt=Attempt(1, job(ready=1))), [VALID, ("Finished", "False", "Running")]),
    "queued": (run(), Standing(attempt=Attempt(1, job(suspend=True))), [VALID, ("Finished", "False", "Queued")]),
    "suspended": (
        run(suspend=True),
        Standing(attempt=Attempt(1, job(suspend=True))),
        [VALID, ("Suspended", "True", "SuspendedByUser"), ("Finished", "False", "Suspended")],
    ),
    "resumed": (
        run(status=ONCE_HELD),
        Standing(attempt=Attempt(1, job())),
        [VALID, ("Suspended", "False", "Resumed"), ("Finished", "False", "Pending")],
    ),
    "complete": (
        run(),
        Standing(attempt=Attempt(1, ended("Complete"), complete()), ending=DONE),
        [VALID, ("Finished", "True", "Complete"), ("Complete", "True", "Complete")],
    ),
    "complete although suspended": (
        run(suspend=True, status=ONCE_HELD),
        Standing(attempt=Attempt(1, ended("Complete"), complete()), ending=DONE),
        [VALID, ("Suspended", "False", "Resumed"), ("Finished", "True", "Complete"), ("Complete", "True", "Complete")],
    ),
    "failed": (
        run(),
        Standing(attempt=Attempt(1, ended("Failed")), ending=LATE),
        [
            VALID,
            ("Finished", "True", "DeadlineExceeded"),
            ("Complete", "False", "DeadlineExceeded"),
            ("Failed", "True", "DeadlineExceeded"),
        ],
    ),
    "refused": (
        run(),
        Standing(REFUSED, ending=Ending(complete=False, reason="InvalidSpec")),
        [
            ("Accepted", "False", "InvalidSpec"),
            ("Finished", "True", "InvalidSpec"),
            ("Complete", "False", "InvalidSpec"),
            ("Failed", "True", "InvalidSpec"),
        ],
    ),
    "waiting": (
        run(),
        Standing(WAITS),
        [("Accepted", "False", "StrategyNotFound"), ("Finished", "False", "StrategyNotFound")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("run", "standing", "expected"), CONDITIONS.values(), ids=CONDITIONS)
def test_conditions_tell_where_a_run_stands(run, standing, expected):
    found = status_of(run, standing, read(NOW))["conditions"]

    assert [(one["type"], one["status"], one["reason"]) for one in found] == expected
    assert {one["observedGeneration"] for one in found} == {3}


@pytest.mark.parametrize(("run", "standing", "expected"), CONDITIONS.values(), ids=CONDITIONS)
def test_every_status_is_one_that_its_schema_allows(run, standing, expected):
    TypeAdapter(BacktestRunStatus).validate_python(status_of(run, standing, read(NOW)))


def test_a_waiting_run_says_what_for_in_both_conditions():
    messages = {finding.type: finding.message for finding in findings_of(run(), Standing(WAITS))}

    assert messages == dict.fromkeys(("Accepted", "Finished"), WAITS.message)


def test_a_complete_run_has_what_its_worker_recorded():
    status = status_of(run(), Standing(attempt=Attempt(1, ended("Complete"), complete(DIGEST)), ending=DONE), read(NOW))

    assert status["result"] == RESULT
    assert status["tested"] == TESTED
    assert status["provenance"] == {"strategyDigest": DIGEST, "resultDigest": RESULT_DIGEST, "seed": 7}
    assert status["progress"] == {"percent": 100, "stage": "Done"}


def test_a_run_that_is_not_complete_has_no_result():
    standing = Standing(attempt=Attempt(1, ended("Failed"), complete()), ending=LATE)

    assert not {"result", "tested"} & status_of(run(), standing, read(NOW)).keys()


def test_from_its_first_attempt_on_a_run_says_what_it_tests():
    began = status_of(run(), Standing(attempt=Attempt(1, job()), strategy_digest=DIGEST), read(THEN))
    later = status_of(run(status=began), Standing(attempt=Attempt(1, job(ready=1))), read(NOW))

    assert began["provenance"] == later["provenance"] == {"strategyDigest": DIGEST}


def test_it_finished_when_its_job_did_however_late_that_is_seen():
    standing = Standing(attempt=Attempt(1, ended("Complete"), complete()), ending=Ending(True, "Complete", time=THEN))
    assert status_of(run(), standing, read(NOW))["completionTime"] == THEN

    lost = Standing(attempt=Attempt(MOST_ATTEMPTS, None), ending=LATE)
    assert status_of(run(), lost, read(NOW))["completionTime"] == NOW


def test_it_began_with_its_first_attempt():
    first = status_of(run(), Standing(attempt=Attempt(1, job(startTime=THEN))), read(NOW))
    second = status_of(run(status=first), Standing(attempt=Attempt(2, job(startTime=NOW))), read(NOW))

    assert (second["startTime"], second["attempts"]) == (THEN, 2)


def test_a_run_that_waits_between_attempts_does_not_forget_how_many_there_were():
    assert status_of(run(status={"attempts": 2}), Standing(WAITS), read(NOW))["attempts"] == 2


def test_a_status_that_is_worked_out_again_is_the_same():
    for run_, standing, _ in CONDITIONS.values():
        once = status_of(run_, standing, read(NOW))
        again = status_of({**run_, "status": once}, standing, read("2026-02-02T00:00:00Z"))
        if standing.ending is None or standing.ending.time:
            assert again == once
        assert condition(again["conditions"], "Finished") == condition(once["conditions"], "Finished")


def test_an_event_says_what_came_of_it():
    assert told("Complete", {"result": RESULT}, "run-2") == "Return 12.30%, Sharpe 1.10, 42 trades"
    assert told("Running", {"attempts": 2}, "run-2") == "Attempt 2 is running; kubectl logs -f job/run-2"


@pytest.mark.parametrize(
    ("job", "known", "shown"),
    [
        (job(ready=1), Told(42, NOW), {"percent": 42, "stage": "Running", "eta": NOW}),
        (job(ready=1), Told(42), {"percent": 42, "stage": "Running"}),
        (job(ready=1), None, {"percent": 0, "stage": "Running"}),
        (job(), Told(42), {"percent": 0, "stage": "Pending"}),
    ],
)
def test_progress_is_what_the_worker_has_told_while_it_runs(job, known, shown):
    status = status_of(run(), Standing(attempt=Attempt(1, job), told=known), read(NOW))
    assert status["progress"] == shown
    TypeAdapter(BacktestRunStatus).validate_python(status)
