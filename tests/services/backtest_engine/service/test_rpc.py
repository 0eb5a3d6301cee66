"""``tidewright.v1.BacktestService``, as a client sees it."""

import json

import grpc
import pytest
from backtest_host import SPEC
from scripted_worker import ENDLESS, KILLED

from tidewright.v1 import backtest_service_pb2 as pb
from tidewright.wire.strategy import values_of


def asked_for(**more):
    return pb.RunBacktestRequest(manifest=json.dumps({**SPEC, **more}))


def test_progress_is_streamed_and_then_the_result(service):
    told = [answer.backtest for answer in service.rpc.RunBacktest(asked_for(seed=31))]
    percents = [one.job.percent for one in told]
    assert percents == sorted(percents)
    assert {"Trading", "Proving causality"} & {one.job.stage for one in told}
    assert [one.job.state for one in told][-1] == pb.JOB_STATE_COMPLETE
    result = told[-1].result
    rest = service.post(body={**SPEC, "seed": 31}).json()
    assert rest["id"] == told[-1].job.id
    assert result.digest == rest["result"]["provenance"]["digest"]
    assert dict(result.figures) == {
        name: value for name, value in rest["result"]["figures"].items() if value is not None
    }
    again = service.rpc.GetBacktest(pb.GetBacktestRequest(id=told[-1].job.id)).backtest
    assert again == told[-1]


def test_a_grid_is_streamed_too(service):
    wanted = {"run": SPEC, "searchSpace": [{"name": "fast", "int": {"min": 4, "max": 12, "step": 4}}]}
    *_, last = service.rpc.RunOptimization(pb.RunOptimizationRequest(manifest=json.dumps(wanted)))
    found = last.optimization.result
    assert (found.trials, found.metric) == (3, "sharpe")
    assert values_of(found.results[0].parameters)["slow"] == 24
    assert json.loads(found.manifest)["metadata"]["name"] == "backtest-best"
    assert (
        service.rpc.GetOptimization(pb.GetOptimizationRequest(id=last.optimization.job.id)).optimization.result == found
    )


def test_what_there_is(service):
    run = service.post().json()
    listed = service.rpc.ListRuns(pb.ListRunsRequest(limit=1_000)).runs
    assert run["id"] in {one.id for one in listed}
    record = json.loads(service.rpc.GetRun(pb.GetRunRequest(id=run["id"])).record)
    assert record["provenance"]["digest"] == run["result"]["provenance"]["digest"]
    page = b"".join(piece.html for piece in service.rpc.GetRunReport(pb.GetRunReportRequest(id=run["id"])))
    assert page == service.rest.get(run["result"]["report"]).content
    strategies = service.rpc.ListStrategies(pb.ListStrategiesRequest()).strategies
    assert strategies[0].parameters[0].default.name == "fast"
    symbols = service.rpc.ListSymbols(pb.ListSymbolsRequest(exchange="simulated")).symbols
    assert {one.symbol for one in symbols} >= {"BTC/USDT"}


def test_runs_are_compared(service):
    ids = [service.post(body={**SPEC, "seed": seed}).json()["id"] for seed in (31, 32)]
    answer = service.rpc.CompareRuns(pb.CompareRunsRequest(ids=ids, by="sharpe"))
    assert json.loads(answer.document) == service.rest.post("/compare", json={"runs": ids}).json()


@pytest.mark.parametrize(
    ("call", "request_", "code", "told"),
    [
        ("GetBacktest", pb.GetBacktestRequest(id="x"), "NOT_FOUND", "'x': there is none of this id"),
        ("GetRun", pb.GetRunRequest(id="../etc"), "NOT_FOUND", "there is none of this id"),
        ("CompareRuns", pb.CompareRunsRequest(ids=["a"]), "INVALID_ARGUMENT", "name 2 to 50"),
        ("CompareRuns", pb.CompareRunsRequest(ids=["a", "b"], seed=-1), "INVALID_ARGUMENT", "seed: -1"),
        ("ListRuns", pb.ListRunsRequest(limit=-1), "INVALID_ARGUMENT", "limit: -1"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_words_of_grpc(service, call, request_, code, told):
    with pytest.raises(grpc.RpcError) as refused:
        getattr(service.rpc, call)(request_)
    assert (refused.value.code().name, told in refused.value.details()) == (code, True)


@pytest.mark.parametrize("manifest", ["", "[", "{}", '{"strategy": NaN, "data": 1e308}'])
def test_a_manifest_that_cannot_be_meant_is_refused(service, manifest):
    with pytest.raises(grpc.RpcError) as refused:
        list(service.rpc.RunBacktest(pb.RunBacktestRequest(manifest=manifest)))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_stream_that_is_broken_off_does_not_end_the_work(scripted):
    with scripted() as service:
        stream = service.rpc.RunBacktest(asked_for(seed=ENDLESS))
        work = next(stream).backtest.job.id
        stream.cancel()
        service.until(lambda: service.figure("tidewright_streams_open") == 0)
        looked = service.rpc.GetBacktest(pb.GetBacktestRequest(id=work)).backtest
        assert looked.job.state in {pb.JOB_STATE_QUEUED, pb.JOB_STATE_RUNNING}
        ended = service.rpc.CancelBacktest(pb.CancelBacktestRequest(id=work)).backtest
        assert ended.job.state == pb.JOB_STATE_CANCELLED


def test_an_end_without_a_result_is_the_streams_last_message(scripted):
    with scripted() as service:
        *_, last = service.rpc.RunBacktest(asked_for(seed=KILLED))
    assert last.backtest.job.state == pb.JOB_STATE_FAILED
    assert "killed by SIGKILL" in last.backtest.job.message


def test_a_stream_ends_when_the_service_stops(scripted):
    with scripted(grace=0.1) as service:
        stream = service.rpc.RunBacktest(asked_for(seed=ENDLESS))
        next(stream)
        service.stop()
        with pytest.raises(grpc.RpcError) as ended:
            list(stream)
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
