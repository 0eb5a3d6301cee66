"""Studies that are really searched."""

import json

import pytest
from optimizer_host import REAL, SPEC, asked

from optuna_optimizer.concluding import concluded
from optuna_optimizer.requests import read_study
from optuna_optimizer.searching import search
from optuna_optimizer.study import Study
from tidewright.adapters.stores import stores
from tidewright.adapters.study_stores import study_store_at
from tidewright.runs.study_plan import Evaluator, load_study, plan_study
from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.optimization_study import OptimizationStudy
from tidewright.v1 import optimization_service_pb2 as pb

ADAPTIVE = {**SPEC, "sampler": {"name": "TPE", "seed": 3}}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """What a test has searched is there for those after it."""
    with asked(tmp_path_factory.mktemp("results"), REAL, searches=2) as running:
        yield running


@pytest.fixture(scope="module")
def bounded(tmp_path_factory):
    """One that tries few trials."""
    with asked(tmp_path_factory.mktemp("bounded"), REAL, max_trials=15) as running:
        yield running


def searched_here():
    """The record of the same study, searched and evaluated in this process."""
    document = Document("", dict(read_study(json.dumps(SPEC)).resource), {(): 0})
    bars, store = stores({}), study_store_at("memory:")
    plan = plan_study(OptimizationStudy.model_validate(document.value), document, Manifest())
    study = Study("here", plan, load_study(plan, bars))
    search(study.search_plan(), store, Evaluator(study.plan, study.data))
    _, record = concluded(study, store.trials("here"), bars, lambda stage: None, asked=SPEC["trials"], started=0)
    store.close()
    return json.loads(json.dumps(record))


def test_it_finds_what_anybody_finds_bit_for_bit(service):
    found, record = service.ended(), searched_here()
    assert (found["message"], found["state"]) == ("", "Complete")
    assert found["result"]["provenance"]["resultDigest"] == record["provenance"]["resultDigest"]
    assert found["result"]["verdict"] == record["verdict"]["word"]
    assert found["result"]["selected"]["parameters"] == record["selected"]["parameters"]
    assert found["result"]["run"] == record["run"]
    assert service.rest.get(found["links"]["importance"]).json()["importance"] == record["importance"]
    assert service.rest.get(found["links"]["walkForward"]).json()["windows"] == record["windows"]
    assert service.rest.get(found["links"]["report"]).text.startswith("<!doctype html>")


def test_both_protocols_can_say_all_of_it(service):
    found = service.ended()
    study = service.rpc.GetStudy(pb.GetStudyRequest(id=found["id"])).study
    assert study.result.result_digest == found["result"]["provenance"]["resultDigest"]
    walked = service.rpc.GetWalkForward(pb.GetWalkForwardRequest(id=study.id))
    assert len(walked.windows) == SPEC["walkForward"]["windows"]
    assert service.rpc.ListTrials(pb.ListTrialsRequest(id=study.id)).total == SPEC["trials"]


def test_several_objectives_have_a_front_and_several_workers_one_study(service):
    several = {"objectives": [{"metric": "Sharpe"}, {"metric": "MaxDrawdown"}], "sampler": {"name": "NSGAII"}}
    found = service.ended({**SPEC, **several, "parallelism": 2, "trials": 20})
    assert (found["state"], found["trials"]["complete"]) == ("Complete", 20)
    front = service.rest.get(found["links"]["pareto"]).json()
    assert [one["metric"] for one in front["objectives"]] == ["sharpe", "maxDrawdown"]
    assert front["knee"] in {one["number"] for one in front["front"]}


def test_a_search_that_learns_is_told_of_stopped_and_goes_on(tmp_path):
    body = {**ADAPTIVE, "trials": 60, "pruner": {"name": "None"}}
    with asked(tmp_path) as service:
        study = service.watched(body, lambda told: told.trials.complete >= 12)
        importance = service.rest.get(f"/studies/{study}/importance").json()
        before = service.rest.get(f"/studies/{study}/trials", params={"limit": 1000}).json()["trials"]
        stood = service.study(study)
        assert service.stop() == 0
    assert importance["final"] is (stood["state"] == "Complete")
    assert {one["name"] for one in importance["importance"]} == {"fast", "slow"}
    with asked(tmp_path) as service:
        found = service.ended(body)
        after = service.rest.get(f"/studies/{study}/trials", params={"limit": 1000}).json()
    assert (found["state"], after["total"]) == ("Complete", 60)
    assert after["trials"][: len(before)] == before


def test_more_trials_go_on_from_those_that_are_there_and_another_study_learns_from_them(service):
    few = service.ended({**ADAPTIVE, "trials": 10})
    before = service.rest.get(few["links"]["trials"]).json()["trials"]
    more = service.ended({**ADAPTIVE, "trials": 15})
    after = service.rest.get(more["links"]["trials"]).json()["trials"]
    assert (len(after), after[:10]) == (15, before)
    best = service.rest.get(more["links"]["trials"], params={"order": "best", "limit": 1}).json()["trials"][0]
    body = {**ADAPTIVE, "warmStart": {"study": more["id"], "trials": 1}, "trials": 5}
    first = service.rest.get(service.ended(body)["links"]["trials"]).json()["trials"][0]
    assert first["parameters"] == best["parameters"]


@pytest.mark.parametrize(
    ("change", "state", "told"),
    [
        ({"data": {"exchange": "nowhere"}}, "DataMissing", "spec.data.exchange: 'nowhere': there are no bars"),
        ({"requirements": {"minTrades": 100_000}}, "StrategyFailed", "meets the requirements"),
        (
            {"searchSpace": [{"name": "risk.stopLoss", "percent": {"min": "1%", "max": "2%"}}], "sampler": {"name": "Grid"}},
            "Refused",
            "step",
        ),
        (
            {"searchSpace": [{"name": "fast", "int": {"min": 2, "max": 21}}], "sampler": {"name": "Grid"}},
            "Refused",
            "spec.searchSpace: 20 combinations, and at most 15 are tried here",
        ),
    ],
)  # fmt: skip
def test_what_only_the_data_or_the_search_can_tell_is_how_it_ends(bounded, change, state, told):
    found = bounded.ended({**SPEC, **change})
    assert (found["state"], told in found["message"]) == (state, True)


def test_trials_may_be_in_a_database(tmp_path, database_url):
    with asked(tmp_path, studies=database_url) as service:
        found = service.ended()
        assert (found["state"], service.rest.get(found["links"]["trials"]).json()["total"]) == ("Complete", 12)
        service.rest.delete(f"/studies/{found['id']}")
        again = service.ended({**SPEC, "trials": 4})
        assert (again["id"], service.rest.get(again["links"]["trials"]).json()["total"]) == (found["id"], 4)
