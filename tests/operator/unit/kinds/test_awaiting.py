"""Kinds whose services are not there yet."""

import pytest

from tidewright_operator.kinds.awaiting import findings_of


def training(**spec):
    whole = {"symbols": ["BTC/USDT"], "timeframe": "1h", "data": {"exchange": "simulated"}, **spec}
    meta = {"name": "a", "namespace": "research"}
    return {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "RLTraining",
        "metadata": meta,
        "spec": whole,
        "status": {},
    }


def test_a_resource_that_is_right_is_accepted_and_told_honestly_that_nobody_works_on_it():
    accepted, finished = findings_of(training(), "rl-agent")

    assert (accepted.type, accepted.status, accepted.reason) == ("Accepted", True, "Valid")
    assert (finished.type, finished.status, finished.reason) == ("Finished", False, "NoService")
    assert "rl-agent" in finished.message


@pytest.mark.parametrize("wrong", [{"symbols": []}, {"data": {}}])
def test_one_that_is_wrong_is_refused_with_the_field(wrong):
    accepted, finished, failed = findings_of(training(**wrong), "rl-agent")

    assert (accepted.status, accepted.reason) == (False, "InvalidSpec")
    assert "spec." in accepted.message
    assert (finished.type, finished.status) == ("Finished", True)
    assert (failed.type, failed.status) == ("Failed", True)
