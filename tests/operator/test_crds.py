"""What the CRDs make of an API server: how resources change, how they are listed, and who may write what."""

import json

import httpx
import pytest
from installed import install
from whole_resources import whole

from tidewright.specs.crd import crd
from tidewright.specs.kinds import KINDS

REFUSED = 422
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
MERGE = {"Content-Type": "application/merge-patch+json"}

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture
def path(namespace):
    """Where the resources of a kind are, in the test's own namespace."""
    return lambda kind: f"/apis/tidewright.io/v1alpha1/namespaces/{namespace}/{kind.plural}"


@pytest.fixture
def created(api, path):
    """Creates the first whole resource of the kind of this name; gives its address."""

    def created(name):
        (kind,) = (kind for kind in KINDS if kind.name == name)
        resource = whole(name)[0]
        api.post(path(kind), json=resource).raise_for_status()
        return f"{path(kind)}/{resource['metadata']['name']}"

    return created


def test_the_definitions_are_applied_again_over_themselves(api):
    install(api)


@by_kind
def test_a_definition_is_small_and_served(api, kind):
    assert len(json.dumps(crd(kind))) < 200_000
    names = api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{kind.plural}.tidewright.io").json()
    assert names["status"]["acceptedNames"]["shortNames"] == [kind.short]
    assert names["status"]["acceptedNames"]["categories"] == ["tidewright"]
    assert not [told for told in names["status"]["conditions"] if told["type"] == "NonStructuralSchema"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("TradingStrategy", {"timeframe": "4h"}),
        ("BacktestRun", {"suspend": True, "ttlAfterFinished": "1d"}),
        ("OptimizationStudy", {"suspend": False, "ttlAfterFinished": None, "parallelism": 2, "trials": 1_000}),
        ("RLTraining", {"suspend": True, "ttlAfterFinished": "1d"}),
    ],
)
def test_what_does_not_change_the_result_may_be_changed(api, created, name, change):
    answer = api.patch(created(name), json={"spec": change}, headers=MERGE)
    assert answer.is_success, answer.text


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("BacktestRun", "strategy", {"name": "another"}),
        ("BacktestRun", "seed", 8),
        ("BacktestRun", "deadline", None),
        ("BacktestRun", "pod", {"image": "another"}),
        ("OptimizationStudy", "searchSpace", []),
        ("OptimizationStudy", "stagnation", 5),
        ("RLTraining", "algorithm", {"config": {"lr": 0.1}}),
        ("RLTraining", "register", None),
    ],
)
def test_what_the_result_stands_for_may_not_be_changed(api, created, name, field, value):
    answer = api.patch(created(name), json={"spec": {field: value}}, headers=MERGE)
    assert answer.status_code == REFUSED
    (cause,) = answer.json()["details"]["causes"]
    assert cause["field"] == f"spec.{field}"
    assert cause["message"].endswith(f"as its result stands for what was asked; create another {name}")


def listed(api, path, kind):
    """One line of `kubectl get`, by heading."""
    table = api.get(path(kind), headers=TABLE).json()
    names = [column["name"] for column in table["columnDefinitions"] if column["priority"] == 0]
    return dict(zip(names, table["rows"][0]["cells"], strict=False))


def test_one_line_tells_whether_a_run_is_done_how_far_it_is_and_how_good(api, created, path):
    finished = {
        "conditions": [
            {
                "type": "Finished",
                "status": "True",
                "reason": "Complete",
                "message": "done",
                "lastTransitionTime": "2024-01-31T12:00:00Z",
                "observedGeneration": 1,
            }
        ],
        "progress": {"percent": 100},
        "result": {"totalReturn": "41.3%", "sharpe": "1.21", "maxDrawdown": "18.0%", "trades": "120"},
    }
    answer = api.patch(f"{created('BacktestRun')}/status", json={"status": finished}, headers=MERGE)
    assert answer.is_success, answer.text
    (kind,) = (kind for kind in KINDS if kind.name == "BacktestRun")
    line = listed(api, path, kind)
    assert line | {"Age": ""} == {
        "Name": "whole",
        "Strategy": "ma-cross",
        "Status": "Complete",
        "Percent": 100,
        "Return": "41.3%",
        "Sharpe": "1.21",
        "Drawdown": "18.0%",
        "Trades": "120",
        "Age": "",
    }


def test_one_line_tells_how_many_trials_a_study_has_what_the_best_is_and_whether_to_believe_it(api, created, path):
    status = {
        "trials": {"asked": 500, "complete": 480},
        "best": {"trial": 17, "value": "1.2000", "parameters": {"fast": 12, "risk.stopLoss": "3%", "long": True}},
        "result": {"verdict": "Robust"},
        "progress": {"percent": 100},
    }
    answer = api.patch(f"{created('OptimizationStudy')}/status", json={"status": status}, headers=MERGE)
    assert answer.is_success, answer.text
    (kind,) = (kind for kind in KINDS if kind.name == "OptimizationStudy")
    line = listed(api, path, kind)
    assert {name: line[name] for name in ("Percent", "Trials", "Best", "Verdict")} == {
        "Percent": 100,
        "Trials": 480,
        "Best": "1.2000",
        "Verdict": "Robust",
    }


def test_a_strategy_tells_which_study_its_parameters_came_from(api, created, path):
    noted = {"metadata": {"annotations": {"tidewright.io/study": "ma-cross-2020", "tidewright.io/trial": "17"}}}
    api.patch(created("TradingStrategy"), json=noted, headers=MERGE).raise_for_status()
    (kind,) = (kind for kind in KINDS if kind.name == "TradingStrategy")
    table = api.get(path(kind), headers=TABLE).json()
    (found,) = [index for index, column in enumerate(table["columnDefinitions"]) if column["name"] == "From"]
    assert table["rows"][0]["cells"][found] == "ma-cross-2020"


def test_a_status_that_is_none_is_refused(api, created):
    wrong = {"conditions": [{"type": "no word", "status": "Maybe"}]}
    answer = api.patch(f"{created('BacktestRun')}/status", json={"status": wrong}, headers=MERGE)
    assert answer.status_code == REFUSED


def test_the_api_server_adds_nothing_to_a_status(api, created):
    answer = api.patch(f"{created('RLTraining')}/status", json={"status": {"iteration": 3}}, headers=MERGE)
    assert answer.json()["status"] == {"iteration": 3}


def test_an_author_writes_no_status(api, created):
    answer = api.patch(created("BacktestRun"), json={"status": {"progress": {"percent": 5}}}, headers=MERGE)
    assert "status" not in answer.json()


def test_a_strategy_is_scaled(api, created):
    address = created("TradingStrategy")
    api.patch(
        f"{address}/status", json={"status": {"replicas": 1, "selector": "app=a"}}, headers=MERGE
    ).raise_for_status()
    scaled = api.patch(f"{address}/scale", json={"spec": {"replicas": 3}}, headers=MERGE).json()
    assert (scaled["spec"]["replicas"], scaled["status"]) == (3, {"replicas": 1, "selector": "app=a"})
    assert api.get(address).json()["spec"]["signals"]["replicas"] == 3


def test_explain_has_a_description_for_every_field(api):
    schemas = api.get("/openapi/v3/apis/tidewright.io/v1alpha1").json()["components"]["schemas"]
    for kind in KINDS:
        schema = schemas[f"io.tidewright.v1alpha1.{kind.name}"]["properties"]
        undescribed = [*_undescribed(schema["spec"], "spec"), *_undescribed(schema["status"], "status")]
        assert undescribed == []


def _undescribed(schema, path):
    if not schema.get("description"):
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from _undescribed(inner, f"{path}.{name}")
    for name, inner in schema.get("items", {}).get("properties", {}).items():
        yield from _undescribed(inner, f"{path}[].{name}")


def test_a_kind_is_known_by_its_short_name(api):
    known = {found["name"]: found for found in api.get("/apis/tidewright.io/v1alpha1").json()["resources"]}
    assert {known[kind.plural]["shortNames"][0] for kind in KINDS} == {"strat", "bt", "opt", "rlt"}
    assert httpx.codes.is_success(api.get("/apis/tidewright.io/v1alpha1").status_code)
