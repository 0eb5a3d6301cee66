"""The REST interface, as a client sees it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from backtest_host import SPEC

from tidewright.api import load, run
from tidewright.specs.manifest import API_VERSION

RESOURCE = {"apiVersion": API_VERSION, "kind": "BacktestRun", "metadata": {"name": "named"}, "spec": SPEC}
STRATEGY = {
    "apiVersion": API_VERSION,
    "kind": "TradingStrategy",
    "metadata": {"name": "cross"},
    "spec": SPEC["strategy"],
}


def test_a_short_backtest_is_answered_with_its_result(service):
    answer = service.post(body=RESOURCE)
    backtest = answer.json()
    assert (answer.status_code, backtest["state"], backtest["percent"]) == (200, "Complete", 100)
    assert answer.headers["location"] == f"/backtest/{backtest['id']}"
    assert backtest["bars"] == 1_464
    assert backtest["result"]["figures"]["trades"] > 10
    assert "SimulatedData" in [one["reason"] for one in backtest["result"]["warnings"]]


def test_the_result_is_that_of_the_command_line_bit_for_bit(service):
    backtest = service.post(body=RESOURCE).json()
    here = run(RESOURCE)
    there = load(service.results / backtest["id"])
    assert backtest["result"]["provenance"]["digest"] == here.digest == there.digest
    assert there.metrics == here.metrics
    assert json.loads(json.dumps(here.document["provenance"])) == backtest["result"]["provenance"]


def test_the_same_request_is_the_same_run_however_it_is_written(service):
    as_json = service.post(body=RESOURCE).json()
    as_yaml = service.post(
        body="""\
apiVersion: tidewright.io/v1alpha1
kind: BacktestRun
metadata: {name: named}
spec:
  seed: 7
  retries: 5
  strategy: {symbols: [BTC/USDT], timeframe: 1h, source: {builtin: MovingAverageCross}, parameters: {slow: 24, fast: 6}}
  data: {start: 2023-03-01, end: 2023-05-01, exchange: simulated}
"""
    ).json()
    assert as_yaml == as_json


def test_a_strategy_may_be_sent_along_and_named(service):
    named = {**RESOURCE, "spec": {**SPEC, "strategy": {"name": "cross"}}}
    backtest = service.post(body=f"{json.dumps(STRATEGY)}\n---\n{json.dumps(named)}").json()
    assert backtest["id"] == service.post(body=RESOURCE).json()["id"]


def test_whoever_asks_at_once_gets_one_run(service):
    body = {**SPEC, "seed": 11}
    before = service.figure('tidewright_backtest_jobs_total{kind="backtest",state="Complete"}')
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.post(body=body), range(8)))
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert {answer.status_code for answer in answers} == {200}
    assert service.figure('tidewright_backtest_jobs_total{kind="backtest",state="Complete"}') == before + 1


def test_who_does_not_wait_is_told_where_to_ask(service):
    answer = service.post(body={**SPEC, "seed": 12}, wait=0)
    where = answer.headers["location"]
    assert answer.status_code == 202
    assert answer.json()["state"] in {"Queued", "Running"}
    service.until(lambda: service.rest.get(where).json()["state"] == "Complete")
    assert service.rest.get(where).json()["result"]["report"] == f"/runs/{where.rpartition('/')[2]}/report"


def test_a_key_stands_for_one_request_for_good(service):
    headers = {"Idempotency-Key": "a-key"}
    first = service.post(headers=headers)
    assert service.post(headers=headers).json() == first.json()
    other = service.post(body={**SPEC, "seed": 13}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "FAILED_PRECONDITION")
    assert "'a-key': it came with another request before" in other.json()["detail"]


def test_finished_runs_are_listed_with_their_records_and_reports(service):
    backtest = service.post(body=RESOURCE).json()
    listed = service.rest.get("/runs", params={"name": "named", "strategy": "MovingAverageCross"}).json()
    assert [one["id"] for one in listed] == [backtest["id"]]
    assert listed[0]["figures"] == backtest["result"]["figures"]
    assert listed[0]["symbols"] == ["BTC/USDT"]
    record = service.rest.get(listed[0]["record"]).json()
    assert (record["kind"], record["artifacts"]) == ("BacktestRun", {})
    report = service.rest.get(listed[0]["report"])
    assert report.headers["content-type"] == "text/html; charset=utf-8"
    assert report.text.startswith("<!doctype html>")
    assert service.rest.get("/runs", params={"symbol": "ETH/USDT"}).json() == []
    assert len(service.rest.get("/runs", params={"limit": 1}).json()) == 1


def test_what_the_store_holds(service):
    symbol, *_ = service.rest.get("/symbols", params={"exchange": "simulated", "symbol": "BTC/USDT"}).json()
    assert (symbol["timeframe"], symbol["simulated"], symbol["problem"]) == ("1h", True, "")
    assert symbol["from"] < symbol["to"]
    assert symbol["bars"] > 20_000
    assert service.rest.get("/symbols", params={"exchange": "nowhere"}).json() == []


def test_the_strategies_with_their_ranges(service):
    strategies = {one["name"]: one for one in service.rest.get("/strategies").json()}
    fast, _, kind = strategies["MovingAverageCross"]["parameters"]
    assert (fast["name"], fast["type"], fast["default"], fast["min"], fast["max"]) == ("fast", "Int", 10, 2, 200)
    assert kind["choices"] == ["sma", "ema", "wma"]
    assert len(strategies) == 5


def test_runs_are_compared_as_the_command_line_does(service):
    ids = [service.post(body={**SPEC, "seed": seed}).json()["id"] for seed in (7, 11)]
    board = service.rest.post("/compare", json={"runs": ids, "by": "totalReturn", "against": "first"}).json()
    assert {one["source"] for one in board["runs"]} == set(ids)
    assert board["by"] == "totalReturn"
    assert "SameFills" in [one["reason"] for one in board["warnings"]]


def test_a_result_from_elsewhere_is_compared_too(service):
    mine = service.post(body=SPEC).json()["id"]
    other = run({**RESOURCE, "spec": {**SPEC, "broker": {"commission": "0.2%"}}})
    equity = {name: other._equity[name].tolist() for name in ("time", "equity", "holding")}
    trades = {name: other._trades[name].tolist() for name in ("entryTime", "exitTime", "pnl", "netReturn")}
    given = {"record": other.document, "equity": equity, "trades": trades}
    board = service.rest.post("/compare", json={"runs": [mine, given]}).json()
    assert [one["source"] for one in board["runs"]] == [mine, "runs[1]"]
    assert board["runs"][1]["digest"] == other.digest


def test_a_grid_is_tried_and_doubted(service):
    space = [
        {"name": "fast", "numbers": [6, 12, 24]},
        {"name": "slow", "int": {"min": 12, "max": 48, "step": 12}},
    ]
    search = service.post("/optimize", {"run": SPEC, "searchSpace": space, "metric": "totalReturn", "top": 4}).json()
    found = search["result"]
    assert (found["trials"], found["skipped"]) == (9, 3)  # fast < slow
    assert len(found["results"]) == 4
    returns = [one["totalReturn"] for one in found["results"]]
    assert returns == sorted(returns, reverse=True)
    assert found["best"] == found["results"][0]
    assert 0 <= found["overfitting"]["deflatedSharpe"] <= 1
    assert "ChosenInSample" in [one["reason"] for one in found["warnings"]]
    best = service.post(body=found["run"]).json()
    assert best["result"]["figures"]["totalReturn"] == pytest.approx(returns[0])
    assert service.rest.get(f"/optimize/{search['id']}").json() == search


ABSURD = "NaN", "1e308", "-1", '"many"', "[]", "1e999"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "there is nothing; send one BacktestRun"),
        ("[", "not YAML"),
        ("just words", "not a resource"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        ({**SPEC, "sead": 7}, "spec.sead: 7: unknown field (did you mean 'seed'?)"),
        ({**RESOURCE, "kind": "BackTestRun"}, "unknown kind (did you mean 'BacktestRun'?)"),
        (STRATEGY, "there is the TradingStrategy cross; send one BacktestRun"),
        ({**SPEC, "strategy": {"name": "cross"}}, "no TradingStrategy of this name in the request"),
        ({**SPEC, "strategy": {**SPEC["strategy"], "parameters": {"fast": 0}}}, "fast"),
        ("{" * 5_000, "nested too deeply"),
        ("a: &a [*a, *a]\n", "nested too deeply"),
        ("x" * 1_000_001, "larger than 1,000,000 characters"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_remedy(service, body, told):
    answer = service.post(body=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_ARGUMENT")
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize("field", ["cash", "leverage"])
def test_absurd_numbers_are_refused(service, field, value):
    text = json.dumps({**SPEC, "broker": {field: "HERE"}}).replace('"HERE"', value)
    answer = service.post(body=text)
    assert answer.status_code == 400
    assert f"spec.broker.{field}" in answer.json()["detail"]


def test_ten_megabytes_are_refused(service):
    assert service.post(body="x" * 10_000_000).status_code == 413


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"classRef": {"module": "os", "class": "Path"}}, "only modules that its operator names in TIDEWRIGHT_MODULES"),
        (
            {"sourceRef": {"configMap": "x", "key": "y.py"}},
            "code from a ConfigMap is not run over the network",
        ),
    ],
)
def test_code_of_strangers_is_refused(service, source, told):
    answer = service.post(body={**SPEC, "strategy": {**SPEC["strategy"], "source": source}})
    assert answer.status_code == 400
    assert told in answer.json()["detail"]


def test_bars_that_are_missing_may_come_later(service):
    answer = service.post(body={**SPEC, "data": {"exchange": "nowhere"}})
    assert (answer.status_code, answer.json()["code"]) == (409, "FAILED_PRECONDITION")
    assert "there are no bars of BTC/USDT 1h on nowhere" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ([], "searchSpace: must have 1 or more items"),
        (
            [{"name": "risk.stopLoss", "percent": {"min": "1%", "max": "2%"}}],
            "parameters alone are searched by a grid here",
        ),
        ([{"name": "fast", "float": {"min": 1, "max": 2}}], "a grid has evenly spaced values"),
        ([{"name": "fast", "int": {"min": 1, "max": 10**9}}], "at most 10,000 sets are tried here"),
        ([{"name": "fast", "numbers": [1]}, {"name": "parameters.fast", "numbers": [2]}], "is searched twice"),
        ([{"name": "fats", "numbers": [1, 2]}], "no parameter set fits the strategy"),
        ([{"name": name, "int": {"min": 2, "max": 200}} for name in ("fast", "slow")], "39,601 parameter sets"),
    ],
)
def test_a_grid_that_is_none_is_refused(service, space, told):
    answer = service.post("/optimize", {"run": SPEC, "searchSpace": space})
    assert answer.status_code == 400
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    ("wanted", "status", "told"),
    [
        ({"runs": ["a"]}, 400, "runs"),
        ({"runs": ["a", "b"]}, 404, "'a': there is none of this id"),
        ({"runs": ["a", "b"], "by": "sharp"}, 400, "no figure to rank by (did you mean 'sharpe'?)"),
        ({"runs": ["a", "b"], "colour": "red"}, 400, "colour"),
        ({"runs": [{"record": {}, "equity": {}, "trades": {}}] * 2}, 400, "runs[0]: is not the whole result of a run"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(service, wanted, status, told):
    answer = service.rest.post("/compare", json=wanted)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


@pytest.mark.parametrize("work", ["nothing", "..", ".keys", "a%2Fb", "%2e%2e%2fetc", "x" * 300])
@pytest.mark.parametrize("path", ["/backtest/{}", "/optimize/{}", "/runs/{}", "/runs/{}/report"])
def test_there_is_nothing_of_an_id_that_nobody_knows(service, path, work):
    assert service.rest.get(path.format(work)).status_code == 404


def test_openapi_has_every_path_with_an_example(service):
    document = service.rest.get("/openapi.json").json()
    paths = {
        "/backtest",
        "/backtest/{work}",
        "/optimize",
        "/optimize/{work}",
        "/compare",
        "/strategies",
        "/symbols",
        "/runs",
    }
    assert set(document["paths"]) == paths | {"/runs/{run}", "/runs/{run}/report"}
    body = document["paths"]["/backtest"]["post"]["requestBody"]["content"]
    assert service.post(body=body["application/json"]["example"]).status_code == 200


def test_runs_are_ranked(service):
    for seed in (7, 11):
        service.post(body={**SPEC, "seed": seed, "broker": {"commission": f"0.{seed}%"}})
    drawdowns = [
        one["figures"]["maxDrawdown"] for one in service.rest.get("/runs", params={"by": "maxDrawdown"}).json()
    ]
    returns = [one["figures"]["totalReturn"] for one in service.rest.get("/runs", params={"by": "totalReturn"}).json()]
    assert drawdowns == sorted(drawdowns)
    assert returns == sorted(returns, reverse=True)
    assert len(set(returns)) > 2
    refused = service.rest.get("/runs", params={"by": "sharp"})
    assert (refused.status_code, "did you mean 'sharpe'?" in refused.json()["detail"]) == (400, True)


def test_what_is_complete_cannot_be_cancelled(service):
    work = service.post().json()["id"]
    answer = service.rest.delete(f"/backtest/{work}")
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        f"id: {work!r} is complete; there is nothing to cancel",
    )
