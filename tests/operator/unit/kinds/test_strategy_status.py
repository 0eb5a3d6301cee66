"""How a strategy stands, as conditions."""

from datetime import UTC, datetime

import pytest

from tidewright_operator.conditions import Finding
from tidewright_operator.kinds.signal_service import deployment
from tidewright_operator.kinds.strategy_status import Service, Standing, Written, rolled_out, status_of
from tidewright_operator.kinds.strategy_version import strategy_config_map, version_of
from tidewright_operator.promotion import Verdict
from tidewright_operator.settings import Settings

NOW = datetime(2026, 1, 2, tzinfo=UTC)
OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
MET = Verdict(promoted=True, reason="EvidenceMet", message="by BacktestRun good", backtest="good")


def strategy(replicas=2, status=None):
    return {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "TradingStrategy",
        "metadata": {"name": "ma-cross", "namespace": "research", "uid": "1234", "generation": 3},
        "spec": {"signals": {"replicas": replicas}},
        "status": status or {},
    }


def written(digest=NEW):
    return Written(digest, strategy_config_map(strategy(), {}, digest, "binance"))


def service(digest=NEW, wanted=2, problem=None, **status):
    """A Deployment that the cluster has made as much of as `status` says."""
    version = version_of(strategy_config_map(strategy(), {}, digest, "binance"))
    live = deployment(strategy(wanted), version, {}, Settings())
    live["metadata"]["generation"] = 5
    return Service(version, live | {"status": {"observedGeneration": 5, **status}}, problem)


def all_of(replicas):
    return dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)


def conditions(standing, **options):
    found = status_of(strategy(**options), standing, NOW)["conditions"]
    return {one["type"]: (one["status"], one["reason"]) for one in found}


@pytest.mark.parametrize(
    ("standing", "ready", "progressing", "degraded"),
    [
        (
            Standing(written(), Service(), MET),
            ("False", "NotServed"),
            ("False", "NotServed"),
            ("False", "AsExpected"),
        ),
        (
            Standing(written(), service(), MET),
            ("False", "NoPodReady"),
            ("True", "RollingOut"),
            ("False", "AsExpected"),
        ),
        (
            Standing(written(), service(**all_of(2)), MET),
            ("True", "Serving"),
            ("False", "Settled"),
            ("False", "AsExpected"),
        ),
        (
            Standing(written(), service(**{**all_of(2), "readyReplicas": 1, "availableReplicas": 1}), MET),
            ("True", "Serving"),
            ("True", "RollingOut"),
            ("False", "AsExpected"),
        ),
        (
            Standing(written(), service(OLD, **all_of(2)), MET),
            ("True", "Serving"),
            ("False", "RestartNeeded"),
            ("False", "AsExpected"),
        ),
        (
            Standing(Written(problem=Finding("Degraded", True, "InvalidSpec", "why")), service(OLD, **all_of(2)), MET),
            ("True", "Serving"),
            ("False", "Settled"),
            ("True", "InvalidSpec"),
        ),
        (
            Standing(written(), service(problem=Finding("Degraded", True, "ChildNotOurs", "why")), MET),
            ("False", "NoPodReady"),
            ("True", "RollingOut"),
            ("True", "ChildNotOurs"),
        ),
    ],
    ids=["nothing", "new", "settled", "half", "waits", "unusable", "in the way"],
)
def test_conditions_tell_where_a_strategy_stands(standing, ready, progressing, degraded):
    assert conditions(standing) == {
        "Ready": ready,
        "Progressing": progressing,
        "Degraded": degraded,
        "Promoted": ("True", "EvidenceMet"),
    }


def test_no_pods_is_not_ready_when_none_are_wanted():
    assert conditions(Standing(written(), service(wanted=0), MET), replicas=0)["Ready"] == ("False", "ScaledToZero")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"observedGeneration": 4}, False),
        ({"replicas": 3}, False),
        ({"updatedReplicas": 1}, False),
        ({"availableReplicas": 1}, False),
    ],
    ids=["all", "not seen", "old ones left", "old ones serve", "not available"],
)
def test_a_rollout_is_over_when_all_pods_are_new_and_available_and_no_old_ones_are_left(change, expected):
    assert rolled_out(service(**{**all_of(2), **change}).deployment) == expected


def test_digests_pods_and_evidence_are_in_the_status():
    status = status_of(strategy(), Standing(written(NEW), service(OLD, **all_of(2)), MET), NOW)

    assert (status["strategyDigest"], status["runningDigest"]) == (NEW, OLD)
    assert (status["replicas"], status["readyReplicas"]) == (2, 2)
    assert status["evidence"] == {"backtest": "good"}
    assert status["observedGeneration"] == 3
    assert status["selector"] == "app.kubernetes.io/component=signals,tidewright.io/owner-uid=1234"


def test_what_is_known_no_longer_is_not_in_the_status():
    before = status_of(strategy(), Standing(written(NEW), service(OLD), MET), NOW)
    verdict = Verdict(promoted=False, reason="Unusable", message="")

    status = status_of(strategy(status=before), Standing(Written(), Service(), verdict), NOW)

    assert not {"strategyDigest", "runningDigest", "evidence"} & status.keys()


def test_a_promotion_stands_until_the_evidence_is_known_but_only_of_the_same_strategy():
    before = status_of(strategy(), Standing(written(NEW), service(NEW), MET), NOW)

    same = status_of(strategy(status=before), Standing(written(NEW), service(NEW)), NOW)
    other = status_of(strategy(status=before), Standing(written(OLD), service(NEW)), NOW)

    assert promoted(same) == ("True", "EvidenceMet")
    assert same["evidence"] == {"backtest": "good"}
    assert promoted(other) == ("Unknown", "EvidenceUnknown")
    assert "evidence" not in other


def promoted(status):
    return next((one["status"], one["reason"]) for one in status["conditions"] if one["type"] == "Promoted")
