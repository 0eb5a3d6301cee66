"""A backtest on another engine, or on both, with an engine that is made up."""

from dataclasses import replace

import pytest

from tidewright.domain.kernel import simulate
from tidewright.ports import EngineResult
from tidewright.runs.backtest import run_backtest
from tidewright.runs.record import document_of
from tidewright.runs.refusal import InputRefused


class Twin:
    """The kernel under another name, which sells its first position at `markup` times the price."""

    name, version = "Backtrader", "7.0"

    def __init__(self, markup=1.0):
        self.markup = markup

    def trade(self, bars, signals, broker, risk):
        ledger = simulate(bars, signals, broker, risk)
        price = ledger.fills.price.copy()
        price[1] *= self.markup
        return EngineResult(replace(ledger, fills=replace(ledger.fills, price=price)), {"SQN": {"sqn": 1.5}})


@pytest.fixture
def record(planned, make_bars, make_store):
    """The record of a run with ``engine: ...``, the other engine being the one given."""

    def record(engine, twin):
        store, plan = make_store(make_bars()), planned()
        plan = replace(plan, engine=twin, spec=plan.spec.model_copy(update={"engine": engine}))
        told = []
        document = document_of(run_backtest(plan, store, told.append))
        return document, told

    return record


@pytest.fixture
def fast(planned, make_bars, make_store):
    return document_of(run_backtest(planned(), make_store(make_bars())))


@pytest.mark.parametrize("engine", ["Backtrader", "Both"])
def test_an_engine_that_is_not_installed_is_refused_with_the_remedy(planned, engine):
    with pytest.raises(InputRefused, match=r"pip install tidewright-backtest-engine.*or use engine: Fast") as refused:
        planned(("  seed: 7", f"  seed: 7\n  engine: {engine}"))

    assert refused.value.problems[0].path == ("spec", "engine")


def test_both_engines_are_compared_and_the_result_is_the_kernels(record, fast):
    document, told = record("Both", Twin())

    engines = document["checks"]["engines"]
    assert engines == {
        "passed": True,
        "trades": fast["result"]["trades"],
        "causes": {},
        "differences": [],
        "backtrader": {"version": "7.0", "analyzers": {"SQN": {"sqn": 1.5}}},
    }
    assert document["provenance"]["digest"] == fast["provenance"]["digest"]
    assert document["provenance"]["engine"] == fast["provenance"]["engine"]
    assert document["warnings"] == fast["warnings"]
    assert "Asking the other engine" in told


def test_a_difference_without_a_known_cause_fails_the_check_and_warns(record, fast):
    document, _ = record("Both", Twin(markup=1.001))

    engines = document["checks"]["engines"]
    assert not engines["passed"]
    assert engines["causes"] == {"Unexplained": len(engines["differences"])}
    first = engines["differences"][0]
    assert (first["field"], first["cause"]) == ("exitPrice", "Unexplained")
    assert first["theirs"] == pytest.approx(1.001 * first["ours"])
    assert document["warnings"][0]["reason"] == "EnginesDisagree"
    assert document["provenance"]["digest"] == fast["provenance"]["digest"]


def test_the_other_engine_alone_makes_the_result(record, fast):
    document, _ = record("Backtrader", Twin(markup=1.001))

    assert document["checks"]["engines"] == {"backtrader": {"version": "7.0", "analyzers": {"SQN": {"sqn": 1.5}}}}
    assert document["provenance"]["engine"]["name"] == "Backtrader"
    assert document["provenance"]["engine"]["version"] == "7.0"
    assert document["provenance"]["digest"] != fast["provenance"]["digest"]


def test_the_kernel_alone_asks_nobody(fast):
    assert "engines" not in fast["checks"]
    assert fast["provenance"]["engine"]["name"] == "Fast"
