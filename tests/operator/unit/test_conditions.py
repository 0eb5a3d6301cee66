"""Conditions: since when, what is new, and what is not ours."""

import pytest

from tidewright_operator.conditions import (
    LONGEST_MESSAGE,
    Finding,
    condition,
    differ,
    is_true,
    merged,
    shortened,
    with_degraded,
)

THEN, NOW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def found(*findings, before=(), now=NOW, generation=1):
    return merged(before, findings, generation, now)


def test_a_condition_keeps_its_time_as_long_as_its_status_stays():
    before = found(Finding("Finished", status=False, reason="Pending"), now=THEN)

    (running,) = found(Finding("Finished", status=False, reason="Running"), before=before)
    (finished,) = found(Finding("Finished", status=True, reason="Complete"), before=before)

    assert (running["reason"], running["lastTransitionTime"]) == ("Running", THEN)
    assert (finished["status"], finished["lastTransitionTime"]) == ("True", NOW)


def test_a_condition_says_of_which_generation_it_was_found():
    (one,) = found(Finding("Ready", status=None, reason="NotKnown"), generation=7)

    assert (one["status"], one["observedGeneration"]) == ("Unknown", 7)


def test_what_is_not_found_is_gone():
    before = found(Finding("Degraded", status=True, reason="A"), Finding("Ready", status=True, reason="B"))

    assert [one["type"] for one in found(Finding("Ready", status=True, reason="B"), before=before)] == ["Ready"]


def test_a_message_is_cut_to_what_the_api_server_takes():
    (one,) = found(Finding("Ready", status=False, reason="Long", message="x" * (LONGEST_MESSAGE + 1)))

    assert len(one["message"]) == LONGEST_MESSAGE
    assert one["message"].endswith("x…")
    assert shortened("x" * 5, 5) == "x" * 5


@pytest.mark.parametrize(
    ("after", "new"),
    [
        ([Finding("Ready", status=True, reason="A")], False),
        ([Finding("Ready", status=True, reason="B")], True),
        ([Finding("Ready", status=False, reason="A")], True),
        ([Finding("Ready", status=True, reason="A", message="m")], True),
        ([Finding("Ready", status=True, reason="A"), Finding("Other", status=True, reason="A")], True),
    ],
)
def test_only_what_is_new_is_worth_a_write(after, new):
    before = found(Finding("Ready", status=True, reason="A"), now=THEN)

    assert differ(before, found(*after, before=before)) is new


def test_a_condition_of_somebody_else_is_nothing_new_wherever_it_stands():
    ours = found(Finding("Ready", status=True, reason="A"), now=THEN)
    theirs = {"type": "Audited", "status": "True", "reason": "ByHand", "lastTransitionTime": THEN}

    assert not differ([theirs, *ours], ours)


def test_that_nothing_fails_any_more_is_something_new():
    ours = found(Finding("Ready", status=True, reason="A"), now=THEN)
    failing = found(Finding("Degraded", status=True, reason="ReconcileFailed"), now=THEN)

    assert differ(ours + failing, ours)


def test_a_failure_is_told_once_in_whatever_words():
    thing = {"metadata": {"generation": 2}, "status": {"attempts": 1, "conditions": found(Finding("A", True, "B"))}}

    failed = with_degraded(thing, "ReconcileFailed", "no", NOW)

    assert failed["attempts"] == 1
    assert [(one["type"], one["status"]) for one in failed["conditions"]] == [("A", "True"), ("Degraded", "True")]
    assert condition(failed["conditions"], "Degraded")["observedGeneration"] == 2
    assert with_degraded({**thing, "status": failed}, "ReconcileFailed", "no again", NOW) is None


def test_a_failure_takes_the_place_of_another_word_about_degradation():
    thing = {"metadata": {}, "status": {"conditions": found(Finding("Degraded", status=False, reason="AsExpected"))}}

    failed = with_degraded(thing, "ReconcileFailed", "no", NOW)

    assert is_true(failed["conditions"], "Degraded")
    assert len(failed["conditions"]) == 1


def test_a_resource_without_a_status_can_fail_too():
    assert is_true(with_degraded({"metadata": {}}, "ReconcileFailed", "no", NOW)["conditions"], "Degraded")
