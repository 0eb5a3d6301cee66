import json

import pytest

from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.runs import work as module
from tidewright.runs.payload import payload_of, read_payload
from tidewright.runs.record import document_of
from tidewright.runs.work import COMPILING, Kept, work
from tidewright.specs.backtest_run import BacktestRun

RUN = {
    "apiVersion": "tidewright.io/v1alpha1",
    "kind": "BacktestRun",
    "metadata": {"name": "demo"},
    "spec": {
        "strategy": {
            "source": {"builtin": "MovingAverageCross"},
            "parameters": {"fast": 5, "slow": 20},
            "symbols": ["BTC/USDT"],
            "timeframe": "1h",
        },
        "data": {"exchange": "binance"},
        "seed": 7,
    },
}


def keep(found):
    return Kept(document_of(found), "file:///a/report.html", "file:///a")


def run(**spec):
    return BacktestRun.model_validate({**RUN, "spec": {**RUN["spec"], **spec}})


def ended(store, told=lambda progress: None, keep=keep, edit=lambda payload: payload, connect=None, **spec):
    """How a worker ends with a run whose spec has other values for the fields given; `edit` is made to its payload."""
    task = read_payload("run.json", json.dumps(edit(payload_of(run(**spec)))))
    return work(task, store, keep, told, lambda name: None, connect)


def traded(**edits):
    return {**RUN["spec"]["strategy"], **edits}


def test_a_result_that_is_put_away_is_complete(make_store, make_bars, planned):
    record = ended(make_store(make_bars()))
    assert (record.reason, record.message) == ("Complete", None)
    assert record.result.report == "file:///a/report.html"
    assert record.provenance.strategy_digest == planned().strategy.digest


def test_each_step_is_told_as_it_begins(make_store, make_bars, monkeypatch):
    told = []
    monkeypatch.setattr(module, "needs_compiling", lambda plan: True)
    ended(make_store(make_bars()), told.append)
    assert [progress.stage for progress in told][:3] == [COMPILING, "Reading bars", "Trading"]
    assert told[-1].stage == "Writing results"
    assert [progress.percent for progress in told] == sorted(progress.percent for progress in told)
    assert (told[0].percent, told[-1].percent) == (0, 85)


def test_data_that_nobody_has_stored_yet_are_missing(make_store, make_bars):
    record = ended(make_store())
    assert record.reason == "DataMissing"
    assert record.message == "spec.data.exchange: 'binance': there are no bars of BTC/USDT 1h on binance"


@pytest.mark.parametrize(
    "period", [{"start": "2020-01-01"}, {"end": "2024-01-01"}, {"start": "2024-01-01", "end": "2024-02-01"}]
)
def test_a_period_that_is_not_there_yet_is_missing(make_store, make_bars, period):
    record = ended(make_store(make_bars()), data={"exchange": "binance", **period})
    assert record.reason == "DataMissing"
    assert "there are bars from 2023-01-01" in record.message


def test_funding_that_is_not_there_yet_is_missing(make_store, make_bars):
    broker = {"account": "Margin", "funding": "Stored"}
    assert ended(make_store(make_bars()), broker=broker).reason == "DataMissing"


def test_all_symbols_that_are_missing_are_told(make_store):
    record = ended(make_store(), strategy=traded(symbols=["BTC/USDT", "ETH/USDT"]))
    assert record.reason == "DataMissing"
    assert len(record.message.splitlines()) == 2


def test_bars_that_are_broken_are_not_missing(make_store, make_bars):
    bars = make_bars()
    bars.high[100] = 0.0
    record = ended(make_store(bars), strategy=traded(symbols=["BTC/USDT", "ETH/USDT"]))
    assert record.reason == "Refused", "waiting for ETH/USDT would mend nothing"
    assert "ETH/USDT" in record.message


def test_bars_other_than_those_that_were_pinned_are_refused(make_store, make_bars):
    pinned = {"exchange": "binance", "digest": f"sha256:{64 * '0'}"}
    record = ended(make_store(make_bars()), data=pinned)
    assert record.reason == "Refused"
    assert record.message.startswith("spec.data.digest: ")


def test_a_strategy_other_than_the_one_that_was_handed_over_is_refused(make_store, make_bars):
    other = f"sha256:{64 * '0'}"
    record = ended(make_store(make_bars()), edit=lambda payload: payload | {"strategyDigest": other})
    assert record.reason == "Refused"
    assert record.message.startswith("strategyDigest: ")
    assert record.message.endswith("use images of one version")


CODE = {"classRef": {"module": "os", "class": "Own", "image": f"registry/desk@sha256:{64 * 'a'}"}}


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        (CODE, "a worker imports nobody's code; name with --strategy-endpoint where"),
        ({"sourceRef": {"configMap": "mine", "key": "mine.py"}}, "this version runs no code from a ConfigMap"),
    ],
    ids=["classRef", "sourceRef"],
)
def test_a_worker_never_loads_a_users_code(make_store, make_bars, source, remedy):
    record = ended(make_store(make_bars()), strategy=traded(source=source, parameters={}))
    assert record.reason == "Refused"
    assert record.message.startswith(f"spec.strategy.source.{next(iter(source))}: {remedy}")


def test_a_strategy_that_is_elsewhere_is_asked_there(make_store, make_bars):
    bars = make_bars()
    record = ended(make_store(bars), strategy=traded(source=CODE), connect=lambda: BUILTINS["MovingAverageCross"])
    here = ended(make_store(bars))
    assert record.provenance.result_digest == here.provenance.result_digest
    assert record.provenance.strategy_digest == payload_of(run(strategy=traded(source=CODE)))["strategyDigest"]


def test_nobody_is_asked_for_a_strategy_whose_code_is_here(make_store, make_bars):
    def connect():
        raise AssertionError("nobody is there")

    assert ended(make_store(make_bars()), connect=connect).reason == "Complete"


def test_an_engine_that_is_not_installed_is_refused(make_store, make_bars):
    record = ended(make_store(make_bars()), engine="Both")
    assert (record.reason, "not installed" in record.message) == ("Refused", True)


def test_what_a_strategy_does_wrong_is_told_as_its_own(make_store, make_bars, monkeypatch):
    def failing(*arguments):
        raise StrategyError("Rules raised ZeroDivisionError: division by zero")

    monkeypatch.setattr(module, "run_backtest", failing)
    record = ended(make_store(make_bars()))
    assert (record.reason, record.message) == ("StrategyFailed", "Rules raised ZeroDivisionError: division by zero")


def test_what_may_go_right_another_time_is_no_record_yet(make_store, make_bars):
    def full(found):
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        ended(make_store(make_bars()), keep=full)
