"""What a tracker is told of a backtest."""

import copy
import math
from pathlib import Path

import pytest

from tidewright.api import run
from tidewright.runs.tracking import run_digest, tracked_run

RESOURCE = {
    "apiVersion": "tidewright.io/v1alpha1",
    "kind": "BacktestRun",
    "metadata": {"name": "demo"},
    "spec": {
        "strategy": {
            "source": {"builtin": "MovingAverageCross"},
            "parameters": {"fast": 6},
            "symbols": ["BTC/USDT"],
            "timeframe": "1h",
        },
        "data": {"exchange": "simulated", "start": "2023-03-01", "end": "2023-04-01"},
        "seed": 7,
    },
}


@pytest.fixture(scope="module")
def document():
    return run(RESOURCE).document


def test_every_field_of_the_spec_is_a_parameter_defaults_too(document):
    told = tracked_run(document).parameters
    assert told["strategy.parameters.fast"] == "6"
    assert told["strategy.parameters.slow"] == "30"
    assert told["strategy.symbols"] == '["BTC/USDT"]'
    assert (told["broker.commission"], told["data.end"], told["seed"]) == ("0.1%", "2023-04-01T00:00:00Z", "7")


def test_figures_intervals_and_benchmark_are_metrics_and_none_is_undefined(document):
    undefined = copy.deepcopy(document)
    undefined["result"]["sharpe"] = None
    told = tracked_run(document).metrics
    assert told["sharpe"] == document["result"]["sharpe"]
    assert told["sharpe.low"] == document["intervals"]["sharpe"][0]
    assert told["benchmark.totalReturn"] == document["benchmark"]["totalReturn"]
    assert told["deflatedSharpe.100"] < told["deflatedSharpe.1"]
    assert told["warnings"] == len(document["warnings"])
    assert all(math.isfinite(value) for value in told.values())
    assert "sharpe" not in tracked_run(undefined).metrics


def test_tags_say_what_it_was_made_of(document):
    told = tracked_run(document).tags
    assert told["resultDigest"] == document["provenance"]["digest"]
    assert (told["strategy"], told["seed"], told["simulated"]) == ("MovingAverageCross", "7", "true")
    assert told["checks.lookAhead"] == "passed"
    assert told["warnings"].startswith("SimulatedData")


def test_every_symbol_is_a_data_set_with_its_digest(document):
    several = copy.deepcopy(document)
    data = several["provenance"]["data"]
    data["symbols"] = {name: {**data, "digest": f"sha256:{name}"} for name in ("BTC/USDT", "ETH/USDT")}
    (alone,) = tracked_run(document).data
    assert (alone.name, alone.digest) == ("simulated BTC/USDT 1h", document["provenance"]["data"]["digest"])
    assert alone.profile["bars"] == 744
    assert [one.digest for one in tracked_run(several).data] == ["sha256:BTC/USDT", "sha256:ETH/USDT"]


def test_the_digest_is_the_runs_wherever_it_was_made(document):
    elsewhere, another = copy.deepcopy(document), copy.deepcopy(document)
    elsewhere["provenance"] |= {"manifest": "other.yaml", "environment": {"python": "3.99"}}
    another["provenance"]["seed"] = 8
    assert run_digest(elsewhere) == run_digest(document) == run_digest(run(RESOURCE).document)
    assert run_digest(another) != run_digest(document)
    assert tracked_run(document, [Path("result.json")]).files == (Path("result.json"),)
