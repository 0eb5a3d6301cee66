"""The operator as a process: strategies, their children and the runs that name them wake one another, with no re-list to help."""

import pytest
from installed import until
from operator_process import OperatorProcess
from strategy_world import NAME, SERVICE, SPEC, World

GATES = {"promotion": {"backtest": {"minSharpe": 1.0}}}


@pytest.fixture
def world(api, cluster, namespace):
    return World(api, cluster, namespace)


@pytest.fixture
def operator(cluster, namespace, tmp_path, world):
    with OperatorProcess(cluster.kubeconfig, tmp_path / "log", namespace, RESYNC_SECONDS="600") as process:
        yield process.wait_until_ready()


def test_a_run_that_waits_begins_when_its_strategy_is_there(operator, world):
    world.create_run("waits")
    until(lambda: world.reason("backtestruns", "waits", "Finished") == "StrategyNotFound", "the run waits")

    world.create()

    until(lambda: len(world.list("jobs")) == 1, "the run has a Job")
    until(lambda: world.reason("backtestruns", "waits", "Accepted") == "Valid", "the run is accepted")


def test_a_run_that_completes_promotes_its_strategy_and_one_that_goes_takes_that_back(operator, world):
    world.create({**SPEC, **GATES})
    until(lambda: world.reason("tradingstrategies", NAME, "Promoted") == "NoEvidence", "there is no evidence yet")

    world.finish_run("good", 1.2, "2026-01-01T00:00:00Z")
    until(lambda: world.reason("tradingstrategies", NAME, "Promoted") == "EvidenceMet", "the strategy is promoted")

    world.delete("backtestruns", "good")
    until(lambda: world.reason("tradingstrategies", NAME, "Promoted") == "NoEvidence", "the promotion is withdrawn")


def test_a_study_promotes_what_it_selects_until_it_goes(operator, world):
    world.create({**SPEC, "promotion": {"study": {"minDeflatedSharpe": "95%"}}})
    until(lambda: world.reason("tradingstrategies", NAME, "Promoted") == "NoEvidence", "there is no evidence yet")

    world.finish_study("good", 0.97, "2026-01-01T00:00:00Z")
    until(lambda: world.reason("tradingstrategies", NAME, "Promoted") == "EvidenceMet", "the strategy is promoted")
    assert world.get("tradingstrategies", NAME)["status"]["evidence"] == {"study": "good"}

    world.delete("optimizationstudies", "good")
    until(lambda: world.reason("tradingstrategies", NAME, "Promoted") == "NoEvidence", "the promotion is withdrawn")


def test_a_strategy_that_runs_name_is_deleted_without_a_hang_and_the_runs_say_why_they_wait(operator, world):
    world.create()
    until(lambda: world.get("deployments") is not None, "the strategy is served")

    world.delete("tradingstrategies", NAME)
    assert world.get("tradingstrategies", NAME) is None
    world.create_run("late")

    until(lambda: world.reason("backtestruns", "late", "Finished") == "StrategyNotFound", "the run waits")


@pytest.mark.parametrize("resource", ["deployments", "services", "serviceaccounts", "networkpolicies"])
def test_a_child_that_is_deleted_comes_back(operator, world, resource):
    world.create()
    until(lambda: world.get(resource) is not None, "there is the child")
    first = world.get(resource)["metadata"]["uid"]

    world.delete(resource)

    until(lambda: (found := world.get(resource)) is not None and found["metadata"]["uid"] != first, "it is back")


def test_evidence_is_known_again_after_a_restart_and_never_doubted_meanwhile(operator, world):
    world.create({**SPEC, **GATES})
    until(lambda: world.reason("tradingstrategies", NAME, "Promoted") == "NoEvidence", "there is no evidence yet")
    world.finish_run("good", 1.2, "2026-01-01T00:00:00Z")
    until(lambda: world.reason("tradingstrategies", NAME, "Promoted") == "EvidenceMet", "the strategy is promoted")
    since = world.since("Promoted")

    operator.stop()
    operator.start().wait_until_ready()
    world.delete("services", SERVICE)
    until(lambda: world.get("services") is not None, "it works again")

    assert world.reason("tradingstrategies", NAME, "Promoted") == "EvidenceMet"
    assert world.since("Promoted") == since
