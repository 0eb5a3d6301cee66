"""Parts of a walk-forward as one account."""

import math

import numpy as np
import pytest

from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.backtest import Series, backtest_account
from tidewright.domain.bars import Market
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.stitching import growth, stitch, walk_forward_efficiency
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.parameters import resolve_for

BROKER = Broker(10_000.0, 0.001, 0.0005)
CROSS = BUILTINS["MovingAverageCross"]
MARKET = Market("simulated", "BTC/USDT", "1h")


def parts_of(bars, cuts, risk):
    parameters = resolve_for(CROSS, {"fast": 8, "slow": 40})
    return [
        backtest_account([Series(bars.part(0, last), first, delisted=True)], CROSS, parameters, BROKER, risk)
        for first, last in cuts
    ]


@pytest.mark.parametrize("risk", [Risk(), Risk(0.03, 0.06)], ids=["free", "protected"])
def test_is_one_account_that_trades_on_with_what_it_has(risk):
    bars = SimulatedStore().read(MARKET).part(0, 5_000)
    parts = parts_of(bars, [(500, 1_500), (1_500, 3_000), (3_000, 5_000)], risk)
    found = stitch(parts, BROKER.cash)
    equity = found.ledger.equity
    assert equity[-1] == pytest.approx(BROKER.cash * math.prod(1 + one.metrics.total_return for one in parts))
    np.testing.assert_array_equal(found.clock.time, bars.time[500:])
    assert np.bincount(found.part).tolist() == [1_000, 1_500, 2_000]
    assert found.metrics.total_return == pytest.approx(equity[-1] / BROKER.cash - 1)
    assert found.metrics.trades == sum(one.metrics.trades for one in parts)
    # Every unit of money is accounted for by a trade: what was won and lost is what the account grew by.
    assert found.trades.pnl.sum() == pytest.approx(equity[-1] - BROKER.cash)
    assert found.metrics.exposure == pytest.approx(
        sum(one.metrics.exposure * len(one.clock) for one in parts) / 4_500, abs=1e-3
    )
    fills = found.ledger.fills
    assert (np.diff(fills.bar) >= 0).all()
    np.testing.assert_array_equal(found.clock.time[fills.bar], fills.time)
    assert len(set(fills.position.tolist())) == len(found.trades)


def test_one_part_is_itself():
    bars = SimulatedStore().read(MARKET).part(0, 3_000)
    (part,) = parts_of(bars, [(100, 3_000)], Risk())
    found = stitch([part], BROKER.cash)
    assert found.ledger.equity.tobytes() == part.ledger.equity.tobytes()
    assert found.metrics == part.metrics


@pytest.mark.parametrize(
    ("returns", "years", "yearly"),
    [
        ([0.21], [2.0], 0.1),
        ([0.1, 0.1], [1.0, 1.0], 0.1),
        ([0.5, -0.5], [0.5, 0.5], -0.25),
        ([0.5, -1.0], [1.0, 1.0], -1.0),
        ([], [], math.nan),
    ],
)
def test_growth_a_year_compounds(returns, years, yearly):
    assert growth(returns, years) == pytest.approx(yearly, nan_ok=True)


@pytest.mark.parametrize(
    ("chosen_on", "judged_by", "share"),
    [(0.4, 0.2, 0.5), (0.4, -0.1, -0.25), (0.0, 0.1, math.nan), (-0.2, 0.1, math.nan), (math.nan, 0.1, math.nan)],
)
def test_efficiency_is_the_share_of_growth_that_was_kept(chosen_on, judged_by, share):
    assert walk_forward_efficiency(chosen_on, judged_by) == pytest.approx(share, nan_ok=True)
