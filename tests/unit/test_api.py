"""Results in Python."""

import numpy as np
import pytest

import tidewright
from tidewright.api import Result

RUN = {
    "apiVersion": "tidewright.io/v1alpha1",
    "kind": "BacktestRun",
    "metadata": {"name": "two"},
    "spec": {
        "strategy": {
            "source": {"builtin": "MovingAverageCross"},
            "symbols": ["BTC/USDT", "ETH/USDT"],
            "timeframe": "4h",
            "risk": {"cooldown": "5d", "positionSize": {"fraction": "50%"}},
        },
        "data": {"exchange": "simulated", "start": "2023-01-01", "end": "2023-07-01"},
        "checks": {"lookAhead": False},
    },
}


@pytest.fixture(scope="module")
def two() -> Result:
    return tidewright.run(RUN)


@pytest.fixture(scope="module")
def one() -> Result:
    strategy = RUN["spec"]["strategy"] | {"symbols": ["BTC/USDT"], "risk": {}}
    return tidewright.run(RUN | {"spec": RUN["spec"] | {"strategy": strategy}})


def test_symbols_are_a_frame_of_what_each_did(two):
    assert two.symbols.index.tolist() == ["BTC/USDT", "ETH/USDT"]
    assert two.symbols["contribution"].sum() == pytest.approx(two.metrics["totalReturn"])
    assert two.symbols["trades"].sum() == two.metrics["trades"] == len(two.trades)


def test_correlation_is_a_frame_with_a_row_and_a_column_a_symbol(two):
    assert two.correlation.index.tolist() == two.correlation.columns.tolist() == ["BTC/USDT", "ETH/USDT"]
    assert np.diag(two.correlation).tolist() == [1.0, 1.0]


def test_refusals_are_a_frame_of_orders_with_their_symbol_and_reason(two):
    assert two.refusals["reason"].value_counts().to_dict() == two.document["refused"]
    assert set(two.refusals["symbol"]) <= set(two.symbols.index)
    assert two.symbols["refused"].sum() == len(two.refusals) > 0


def test_an_account_with_one_symbol_has_empty_ones(one):
    assert one.symbols.empty
    assert one.correlation.empty
    assert one.refusals.empty


def test_figures_are_those_that_the_run_has(one, two):
    for name in ("equity", "exposure", "trades", "contribution"):
        assert f'data-chart="{name}"' in two.figure(name).html
    assert "<option" in two.figure("trades").html
    assert "<option" not in one.figure("trades").html
    assert two.figure("exposure").height > one.figure("exposure").height
    with pytest.raises(ValueError, match="there is no figure 'contribution'; choose one of equity"):
        one.figure("contribution")


def test_what_is_saved_is_loaded_again(two, tmp_path):
    two.save(tmp_path / "two")
    again = tidewright.load(tmp_path / "two")
    assert again.symbols.equals(two.symbols)
    assert again.refusals.to_dict("list") == two.refusals.to_dict("list")
    assert again.report() == two.report()
