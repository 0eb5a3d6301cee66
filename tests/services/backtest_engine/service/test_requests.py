"""What a request is read as."""

import json

import pytest
from backtest_host import SPEC

from backtest_engine.requests import bars_asked_for, identifier, read_backtest
from backtest_engine.searches import parameter_sets, read_optimization
from tidewright.adapters.stores import stores_at
from tidewright.runs.refusal import InputRefused

OWN = {**SPEC, "strategy": {**SPEC["strategy"], "source": {"classRef": {"module": "mine", "class": "Mine"}}}}


def sets(*space, most=100):
    wanted, asked = read_optimization(json.dumps({"run": SPEC, "searchSpace": space}))
    return parameter_sets(wanted, asked, most)


def test_a_module_that_the_operator_names_is_taken():
    assert read_backtest(json.dumps(OWN), ("mine",)).strategy.source.class_ref.module == "mine"
    with pytest.raises(InputRefused, match="those allowed are other, theirs"):
        read_backtest(json.dumps(OWN), ("theirs", "other"))


def test_bars_are_counted_without_reading_them(tmp_path):
    asked = read_backtest(json.dumps(SPEC))
    count, digests = bars_asked_for(asked, stores_at(tmp_path))
    assert (count, list(digests)) == (61 * 24, ["BTC/USDT"])
    missing = read_backtest(json.dumps({**SPEC, "data": {"exchange": "nowhere"}}))
    assert bars_asked_for(missing, stores_at(tmp_path)) == (0, {})


def test_the_identity_is_what_the_result_follows_from():
    def of(**more):
        return read_backtest(json.dumps({**SPEC, **more})).identity()

    assert of() == of(retries=7, deadline="1h", suspend=True)
    assert of() != of(seed=8)
    first, second = (identifier("backtest", "demo", {**of(), "data": {"BTC/USDT": digest}}) for digest in "ab")
    assert first != second
    assert first.startswith("demo-")


def test_a_grid_has_every_combination_with_the_parameters_of_the_run():
    found = sets({"name": "fast", "int": {"min": 4, "max": 9, "step": 2}}, {"name": "kind", "choices": ["sma", "ema"]})
    assert [(one["fast"], one["kind"], one["slow"]) for one in found] == [
        (fast, kind, 24) for fast in (4, 6, 8) for kind in ("sma", "ema")
    ]


def test_steps_are_the_decimals_that_were_written():
    found = sets({"name": "fast", "float": {"min": 0.1, "max": 0.5, "step": 0.1}})
    assert [one["fast"] for one in found] == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_more_sets_than_are_tried_are_refused_before_they_are_made():
    with pytest.raises(InputRefused, match="1,000,000,000 values, and at most 100 sets"):
        sets({"name": "fast", "int": {"min": 1, "max": 1_000_000_000}})
