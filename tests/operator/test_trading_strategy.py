"""What becomes of a TradingStrategy on a real API server, one reconciliation at a time."""

import json

import pytest
from strategy_world import CHILDREN, EXECUTION, NAME, SERVICE, SPEC, World

from tidewright_operator.cluster import Conflict
from tidewright_operator.kinds import trading_strategy
from tidewright_operator.runs import Runs
from tidewright_operator.settings import Settings


@pytest.fixture
def world(api, no_controllers, namespace):
    return World(api, no_controllers, namespace)


def versions(world):
    """The resource version of everything there is."""
    found = [world.get("tradingstrategies", NAME)]
    for resource in (*CHILDREN, "configmaps"):
        found += world.list(resource)
    return {one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in found}


def test_a_strategy_is_given_its_signal_service(world):
    strategy = world.create()

    world.reconcile()

    for resource in ("deployments", "services", "serviceaccounts", "networkpolicies"):
        assert [one["uid"] for one in world.get(resource)["metadata"]["ownerReferences"]] == [
            strategy["metadata"]["uid"]
        ]
    assert world.get("poddisruptionbudgets") is None
    digest, config_map, exchange = world.served()
    assert exchange == "binance"
    held = json.loads(world.get("configmaps", config_map)["data"]["strategy.json"])
    assert held["spec"]["parameters"] == {"fast": 10, "slow": 30}
    status = world.get("tradingstrategies", NAME)["status"]
    assert status["strategyDigest"] == status["runningDigest"] == digest
    assert world.condition("Ready") == ("False", "NoPodReady", "none of 1 pods is ready")
    assert world.condition("Progressing")[:2] == ("True", "RollingOut")
    assert world.condition("Degraded")[:2] == ("False", "AsExpected")
    assert world.condition("Promoted")[:2] == ("False", "NothingAskedFor")


def test_what_is_as_it_should_be_is_not_written_again(world):
    world.create({**SPEC, "signals": {"replicas": 2}})
    world.reconcile()
    world.roll_out()
    world.reconcile()
    before = versions(world)

    outcome = world.reconcile()

    assert versions(world) == before
    assert outcome.after is None


def test_a_strategy_is_ready_when_a_pod_is(world):
    world.create()
    world.reconcile()
    world.roll_out()

    world.reconcile()

    assert world.condition("Ready") == ("True", "Serving", "1 of 1 pods are ready")
    assert world.condition("Progressing")[:2] == ("False", "Settled")
    status = world.get("tradingstrategies", NAME)["status"]
    assert (status["replicas"], status["readyReplicas"]) == (1, 1)
    assert ("Serving", False) in world.told


def test_a_strategy_is_scaled_as_a_deployment_is(world):
    world.create()
    world.reconcile()

    for replicas, budget in ((3, True), (1, False), (0, False)):
        world.change("tradingstrategies", NAME, {"spec": {"replicas": replicas}}, "scale")
        world.reconcile()
        world.roll_out()
        world.reconcile()
        scale = world.api.get(world.path("tradingstrategies", NAME) + "/scale").json()
        assert world.get("deployments")["spec"]["replicas"] == replicas == scale["status"].get("replicas", 0)
        assert (world.get("poddisruptionbudgets") is not None) == budget

    assert scale["status"]["selector"] == selector_of(world.get("deployments"))
    assert world.condition("Ready")[:2] == ("False", "ScaledToZero")


def selector_of(deployment):
    return ",".join(f"{name}={value}" for name, value in sorted(deployment["spec"]["selector"]["matchLabels"].items()))


@pytest.mark.parametrize("resource", [*CHILDREN, "configmaps"])
def test_a_child_that_is_deleted_by_hand_comes_back(world, resource):
    world.create({**SPEC, "signals": {"replicas": 2}})
    world.reconcile()
    names = [one["metadata"]["name"] for one in world.list(resource) if "ownerReferences" in one["metadata"]]
    for name in names:
        world.delete(resource, name)

    world.reconcile()

    assert names
    assert names == [one["metadata"]["name"] for one in world.list(resource) if "ownerReferences" in one["metadata"]]


@pytest.mark.parametrize(
    ("resource", "change"),
    [
        ("deployments", {"spec": {"replicas": 7}}),
        ("deployments", {"metadata": {"annotations": {"tidewright.io/wanted": None}}}),
        ("services", {"spec": {"selector": {"app": "another"}}}),
        ("networkpolicies", {"spec": {"egress": [{}]}}),
        ("serviceaccounts", {"automountServiceAccountToken": True}),
    ],
)
def test_a_child_that_is_changed_by_hand_is_put_right(world, resource, change):
    world.create()
    world.reconcile()
    wanted = world.get(resource)
    world.change(resource, SERVICE, change)

    world.reconcile()

    found = world.get(resource)
    assert found.get("spec") == wanted.get("spec") or resource == "services"
    assert found["metadata"]["annotations"] == wanted["metadata"]["annotations"]
    if resource == "services":
        assert wanted["spec"]["selector"].items() <= found["spec"]["selector"].items()


def test_what_is_asked_for_no_longer_is_gone(world):
    world.create()
    world.reconcile(settings=Settings(data_claim="bars"))
    assert volume(world, "data") == {"name": "data", "persistentVolumeClaim": {"claimName": "bars"}}

    world.reconcile(settings=Settings())

    assert volume(world, "data") == {"name": "data", "emptyDir": {}}


def volume(world, name):
    volumes = world.get("deployments")["spec"]["template"]["spec"]["volumes"]
    return next(one for one in volumes if one["name"] == name)


@pytest.mark.parametrize("resource", ["deployments", "services", "networkpolicies"])
def test_what_belongs_to_somebody_else_is_left_alone_and_told_of(world, resource):
    labels = {"matchLabels": {"app": "theirs"}}
    theirs = {
        "deployments": {
            "selector": labels,
            "template": {
                "metadata": {"labels": {"app": "theirs"}},
                "spec": {"containers": [{"name": "main", "image": "none"}]},
            },
        },
        "services": {"ports": [{"port": 80}]},
        "networkpolicies": {"podSelector": labels},
    }
    body = {"metadata": {"name": SERVICE}, "spec": theirs[resource]}
    there = world.api.post(world.path(resource), json=body).raise_for_status().json()
    world.create()

    world.reconcile()

    assert world.get(resource)["metadata"]["resourceVersion"] == there["metadata"]["resourceVersion"]
    status, reason, message = world.condition("Degraded")
    assert (status, reason) == ("True", "ChildNotOurs")
    assert SERVICE in message
    assert "delete it" in message
    assert ("ChildNotOurs", True) in world.told
    served = "runningDigest" in world.get("tradingstrategies", NAME)["status"]
    assert served == (resource == "services")

    world.delete(resource)
    world.reconcile()
    assert world.condition("Degraded")[:2] == ("False", "AsExpected")


def test_what_an_earlier_strategy_of_the_name_has_left_is_waited_for_and_not_told_of(world):
    first = world.create()
    world.reconcile()
    world.delete("tradingstrategies", NAME)
    world.create()
    world.told.clear()

    with pytest.raises(Conflict, match="is of an earlier TradingStrategy of this name"):
        world.reconcile()

    assert world.told == []
    owners = world.get("deployments")["metadata"]["ownerReferences"]
    assert [one["uid"] for one in owners] == [first["metadata"]["uid"]]


def test_a_child_that_the_api_server_refuses_is_told_of(world):
    world.create()

    world.reconcile(settings=Settings(worker_image=""))

    status, reason, message = world.condition("Degraded")
    assert (status, reason) == ("True", "ChildRefused")
    assert f"Deployment {SERVICE}" in message
    assert "image: Required value" in message
    assert world.condition("Ready")[:2] == ("False", "NotServed")


def test_another_strategy_has_another_config_map_and_the_old_one_goes_when_no_pod_needs_it(world):
    world.create()
    world.reconcile()
    old_digest, old_map, _ = world.served()
    world.change("tradingstrategies", NAME, {"spec": {"parameters": {"fast": 12}}})

    world.reconcile()

    digest, config_map, _ = world.served()
    assert digest != old_digest
    assert {config_map, old_map} <= {one["metadata"]["name"] for one in world.list("configmaps")}
    world.roll_out()
    world.reconcile()
    assert world.get("configmaps", old_map) is None
    assert world.get("configmaps", config_map) is not None


def test_a_change_that_is_no_change_of_the_strategy_rolls_nothing_out(world):
    world.create()
    world.reconcile()
    before = world.get("deployments")["metadata"]["generation"]

    world.change("tradingstrategies", NAME, {"spec": {"promotion": {"backtest": {"minTrades": 5}}}})
    world.reconcile()

    assert world.get("deployments")["metadata"]["generation"] == before


def test_under_manual_updates_a_change_waits_for_a_restart_and_says_so(world):
    world.create({**SPEC, "execution": EXECUTION})
    world.reconcile()
    before = world.served()
    world.roll_out()

    world.change("tradingstrategies", NAME, {"spec": {"parameters": {"fast": 12}, "execution": {"exchange": "okx"}}})
    world.reconcile()

    assert world.served() == before
    assert before[2] == "kraken"
    status = world.get("tradingstrategies", NAME)["status"]
    assert status["runningDigest"] == before[0] != status["strategyDigest"]
    progressing, reason, message = world.condition("Progressing")
    assert (progressing, reason) == ("False", "RestartNeeded")
    assert "kubectl annotate tradingstrategy ma-cross tidewright.io/restart=" in message

    world.change("tradingstrategies", NAME, {"metadata": {"annotations": {"tidewright.io/restart": "1"}}})
    world.reconcile()
    assert world.served()[0] == status["strategyDigest"]
    assert world.served()[2] == "okx"


def test_a_deployment_that_is_deleted_while_a_change_waits_comes_back_as_it_was(world):
    world.create({**SPEC, "execution": EXECUTION}, annotations={"tidewright.io/restart": "1"})
    world.reconcile()
    before = world.served()
    world.change("tradingstrategies", NAME, {"spec": {"parameters": {"fast": 12}}})
    world.reconcile()
    world.delete("deployments")

    world.reconcile()

    assert world.served() == before


def test_what_is_served_cannot_be_made_again_when_it_is_lost_and_that_is_told(world):
    world.create({**SPEC, "execution": EXECUTION})
    world.reconcile()
    _, config_map, _ = world.served()
    world.change("tradingstrategies", NAME, {"spec": {"parameters": {"fast": 12}}})
    world.reconcile()
    world.delete("configmaps", config_map)

    world.reconcile()

    status, reason, message = world.condition("Degraded")
    assert (status, reason) == ("True", "ServedStrategyLost")
    assert config_map in message
    assert "tidewright.io/restart" in message


@pytest.mark.parametrize("change", [{"updates": "Auto"}, None], ids=["Auto", "no execution"])
def test_without_manual_updates_a_change_takes_effect_at_once(world, change):
    execution = EXECUTION | change if change else None
    world.create({**SPEC, "execution": execution} if execution else SPEC)
    world.reconcile()
    before = world.served()

    world.change("tradingstrategies", NAME, {"spec": {"parameters": {"fast": 12}}})
    world.reconcile()

    assert world.served()[0] != before[0]


def test_a_restart_brings_new_pods_of_the_same_strategy(world):
    world.create()
    world.reconcile()
    before = world.get("deployments")["metadata"]["generation"]

    world.change("tradingstrategies", NAME, {"metadata": {"annotations": {"tidewright.io/restart": "1"}}})
    world.reconcile()

    assert world.get("deployments")["metadata"]["generation"] > before


def test_parameters_that_the_strategy_does_not_have_are_told_with_field_and_remedy(world):
    world.create({**SPEC, "parameters": {"fasst": 10}})

    world.reconcile()

    status, reason, message = world.condition("Degraded")
    assert (status, reason) == ("True", "InvalidStrategy")
    assert "spec.parameters.fasst" in message
    assert "did you mean 'fast'" in message
    assert world.get("deployments") is None
    assert world.condition("Ready")[:2] == ("False", "NotServed")
    assert world.condition("Promoted")[:2] == ("False", "Unusable")


def test_a_strategy_that_becomes_unusable_is_served_as_it_was(world):
    world.create()
    world.reconcile()
    before = world.served()
    world.change("tradingstrategies", NAME, {"spec": {"parameters": {"fast": 40}}})

    world.reconcile()

    assert world.condition("Degraded")[:2] == ("True", "InvalidStrategy")
    assert world.served() == before
    world.delete("deployments")
    world.reconcile()
    assert world.served() == before


def of_a_class(letter):
    image = f"registry/desk@sha256:{64 * letter}"
    return {**SPEC, "source": {"classRef": {"module": "desk", "class": "Cross", "image": image}}, "parameters": {}}


def code(world):
    """The images that the pods run a user's code from."""
    pod = world.get("deployments")["spec"]["template"]["spec"]
    return [one["image"] for one in pod.get("initContainers", ())]


def test_a_users_own_code_is_served_from_its_image(world):
    world.create(of_a_class("a"))
    world.reconcile()
    world.roll_out()
    world.reconcile()
    before, generation = versions(world), world.get("deployments")["metadata"]["generation"]

    world.reconcile()

    assert versions(world) == before
    assert world.get("deployments")["metadata"]["generation"] == generation
    assert world.condition("Degraded")[:2] == ("False", "AsExpected")
    assert code(world) == [f"registry/desk@sha256:{64 * 'a'}"]
    world.change("tradingstrategies", NAME, {"spec": of_a_class("b")})
    world.reconcile()
    assert code(world) == [f"registry/desk@sha256:{64 * 'b'}"]
    world.change("tradingstrategies", NAME, {"spec": {"source": {"classRef": None, "builtin": "MacdCross"}}})
    world.reconcile()
    assert code(world) == []


def test_while_a_change_waits_for_a_restart_the_code_is_that_of_what_is_served(world):
    world.create({**of_a_class("a"), "execution": EXECUTION})
    world.reconcile()
    world.change("tradingstrategies", NAME, {"spec": of_a_class("b")})
    world.delete("deployments")

    world.reconcile()

    assert world.condition("Progressing")[:2] == ("False", "RestartNeeded")
    assert code(world) == [f"registry/desk@sha256:{64 * 'a'}"]


def test_code_that_nothing_pins_is_not_served_and_that_is_told(world):
    world.create({**SPEC, "source": {"sourceRef": {"configMap": "mine", "key": "mine.py"}}, "parameters": {}})

    world.reconcile()

    assert world.condition("Degraded")[:2] == ("True", "SourceNotServed")
    assert "strategyDigest" in world.get("tradingstrategies", NAME)["status"]


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}, "PodsRefused"),
        (
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "stuck"},
            "RolloutStuck",
        ),
    ],
)
def test_what_the_deployment_says_is_wrong_is_passed_on(world, condition, reason):
    world.create()
    world.reconcile()
    world.change("deployments", SERVICE, {"status": {"conditions": [condition]}}, "status")

    world.reconcile()

    assert world.condition("Degraded") == ("True", reason, condition["message"])


def test_promotion_follows_the_evidence_and_the_floor(world):
    world.create({**SPEC, "promotion": {"backtest": {"minSharpe": 1.0}}})
    world.reconcile()
    assert world.condition("Promoted")[:2] == ("False", "NoEvidence")

    world.finish_run("good", 1.2, "2026-01-01T00:00:00Z")
    world.reconcile()
    assert world.condition("Promoted") == ("True", "EvidenceMet", "by BacktestRun good: Sharpe 1.2")
    assert world.get("tradingstrategies", NAME)["status"]["evidence"] == {"backtest": "good"}

    floor = {"metadata": {"name": "tidewright-floor"}, "data": {"backtest.minSharpe": "1.5"}}
    world.api.post(world.path("configmaps"), json=floor).raise_for_status()
    world.reconcile()
    status, reason, message = world.condition("Promoted")
    assert (status, reason) == ("False", "GatesFailed")
    assert message == "BacktestRun good: Sharpe is 1.2 and must be at least 1.5 (the namespace's floor)"
    assert ("GatesFailed", True) in world.told

    world.change("configmaps", "tidewright-floor", {"data": {"backtest.minSharpe": "a lot"}})
    world.reconcile()
    assert world.condition("Promoted")[:2] == ("False", "FloorUnreadable")


def test_a_later_run_that_fails_withdraws_the_promotion_and_so_does_a_change(world):
    world.create({**SPEC, "promotion": {"backtest": {"minSharpe": 1.0}}})
    world.reconcile()
    world.finish_run("good", 1.2, "2026-01-01T00:00:00Z")
    world.finish_run("bad", 0.4, "2026-01-02T00:00:00Z")
    world.reconcile()
    assert world.condition("Promoted")[:2] == ("False", "Withdrawn")

    world.finish_run("better", 1.1, "2026-01-03T00:00:00Z")
    world.reconcile()
    assert world.condition("Promoted")[:2] == ("True", "EvidenceMet")

    world.change("tradingstrategies", NAME, {"spec": {"parameters": {"fast": 12}}})
    world.reconcile()
    assert world.condition("Promoted")[:2] == ("False", "StrategyChanged")
    assert "evidence" not in world.get("tradingstrategies", NAME)["status"]


def test_nothing_is_concluded_from_runs_that_have_not_been_listed_yet(world):
    world.create({**SPEC, "promotion": {"backtest": {"minSharpe": 1.0}}})
    world.reconcile()
    world.finish_run("good", 1.2, "2026-01-01T00:00:00Z")
    world.reconcile()

    world.runs = Runs()
    outcome = world.reconcile()
    assert world.condition("Promoted")[:2] == ("True", "EvidenceMet")
    assert world.get("tradingstrategies", NAME)["status"]["evidence"] == {"backtest": "good"}
    assert outcome.after == trading_strategy.UNTIL_RUNS_ARE_KNOWN

    world.change("tradingstrategies", NAME, {"spec": {"parameters": {"fast": 12}}})
    world.reconcile()
    assert world.condition("Promoted")[:2] == ("Unknown", "EvidenceUnknown")


def test_a_strategy_goes_at_once_and_nothing_is_made_for_one_that_is_gone(world):
    world.create()
    world.delete("tradingstrategies", NAME)

    world.reconcile()

    assert world.get("tradingstrategies", NAME) is None
    assert world.list("deployments") == []
