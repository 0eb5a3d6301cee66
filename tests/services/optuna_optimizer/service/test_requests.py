"""What is one study, and whose code is run."""

import json

import pytest
from optimizer_host import SPEC

from optuna_optimizer.requests import identifier, read_study
from tidewright.runs.refusal import InputRefused

RESOURCE = {
    "apiVersion": "tidewright.io/v1alpha1",
    "kind": "OptimizationStudy",
    "metadata": {"name": "named"},
    "spec": SPEC,
}
STRATEGY = {
    "apiVersion": "tidewright.io/v1alpha1",
    "kind": "TradingStrategy",
    "metadata": {"name": "cross"},
    "spec": {**SPEC["strategy"], "execution": {"exchange": "binance"}},
}
BARS = {"BTC/USDT": "sha256:1"}


def read(*documents, modules=()):
    return read_study("\n---\n".join(json.dumps(one) for one in documents), modules)


def study_id(*documents, bars=BARS):
    return identifier(read(*documents), bars)


def test_what_changes_nothing_about_the_findings_makes_no_other_study():
    more = {"trials": 500, "parallelism": 4, "retries": 5, "suspend": True, "ttlAfterFinished": "1h", "deletionPolicy": "Delete"}  # fmt: skip
    assert study_id({**SPEC, **more}) == study_id(SPEC)
    assert study_id({**SPEC, "selection": "Robust", "stagnation": None}) == study_id(SPEC)  # as it is by default


@pytest.mark.parametrize(
    "change",
    [
        {"sampler": {"name": "Random", "seed": 8}},
        {"selection": "Best"},
        {"walkForward": {"windows": 3}},
        {"requirements": {"minTrades": 3}},
        {"objectives": [{"metric": "Sortino"}]},
    ],
)
def test_what_changes_the_findings_makes_another_study(change):
    assert study_id({**SPEC, **change}) != study_id(SPEC)


def test_other_bars_and_another_name_make_another_study():
    assert study_id(SPEC, bars={"BTC/USDT": "sha256:2"}) != study_id(SPEC)
    assert study_id(RESOURCE) != study_id(SPEC)
    assert study_id(RESOURCE).startswith("named-")


def test_an_id_is_short_enough_for_a_label():
    assert len(study_id({**RESOURCE, "metadata": {"name": "a" * 63}})) <= 63


def test_a_strategy_beside_the_study_is_put_in_its_place():
    named = {**RESOURCE, "spec": {**SPEC, "strategy": {"name": "cross"}}}
    assert study_id(STRATEGY, named) == study_id(RESOURCE)
    assert read(STRATEGY, named).resource["spec"]["strategy"]["source"] == {"builtin": "MovingAverageCross"}


def test_a_grid_has_as_many_trials_as_it_has():
    assert read({**SPEC, "sampler": {"name": "Grid"}}).trials == 0
    assert read(SPEC).trials == 12


REFERENCE = {"module": "mine", "class": "Mine"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"strategy": {**SPEC["strategy"], "source": {"classRef": REFERENCE}}}, "source.classRef.module: 'mine'"),
        ({"sampler": {"name": "Custom", "classRef": REFERENCE}}, "sampler.classRef.module: 'mine'"),
    ],
)
def test_code_of_strangers_is_taken_from_allowed_modules_alone(change, told):
    with pytest.raises(InputRefused, match="none is allowed here") as refused:
        read({**SPEC, **change})
    assert told in str(refused.value)
    with pytest.raises(InputRefused, match="those allowed are theirs"):
        read({**SPEC, **change}, modules=("theirs",))
    assert read({**SPEC, **change}, modules=("mine",)).name == "study"
