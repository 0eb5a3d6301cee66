"""Backtrader judges the kernel in markets that no exchange has seen.

Prices lie on a coarse grid, so that stops, targets and prices often are the very same number; bars gap, skip hours and move by up to a third.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backtest_engine.engine import BacktraderEngine
from tidewright.domain.bars import Bars
from tidewright.domain.comparison import Cause, compare
from tidewright.domain.costs import Broker, Risk, RoiStep, Sizing
from tidewright.domain.kernel import simulate
from tidewright.domain.strategies.strategy import Signals

HOUR = 3_600_000

off = st.just(0.0)
shares = st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.25])
moves = st.tuples(
    st.sampled_from([1, 1, 2]), st.integers(-33, 33), st.integers(-3, 3), st.integers(0, 12), st.integers(0, 12)
)
wishes = st.sampled_from([(True, False), (True, False), (False, False), (False, False), (False, True), (True, True)])
ladders = st.dictionaries(st.sampled_from([0, 1, 2, 3, 7]), off | shares, max_size=3).map(
    lambda steps: tuple(RoiStep(hours * HOUR, profit) for hours, profit in sorted(steps.items()))
)


class Scene(NamedTuple):
    bars: Bars
    signals: Signals
    broker: Broker
    risk: Risk


@st.composite
def scenes(draw):
    drawn = draw(st.lists(st.tuples(moves, wishes), min_size=1, max_size=30))
    time, price, rows = 0, 100, []
    for (hours, gap, body, above, below), _ in drawn:
        time += hours * HOUR
        open_ = max(price + gap, 2)
        price = max(open_ + body, 2)
        rows.append((time, open_, max(open_, price) + above, max(min(open_, price) - below, 1), price))
    times, *prices = np.array(rows, dtype=np.float64).T.copy()
    bars = Bars(times.astype(np.int64), *prices, np.ones(len(rows)), step=HOUR)
    enter, leave = np.array([wish for _, wish in drawn], dtype=np.bool_).T.copy()
    stop_loss = draw(off | shares)
    sizing = [Sizing(1.0), Sizing(0.95), Sizing(0.001), *([Sizing(0.0, risk=0.2)] if stop_loss else [])]
    maker = draw(st.none() | off | shares)
    broker = Broker(draw(st.sampled_from([10_000.0, 1.0])), draw(off | shares), draw(off | shares), maker)
    risk = Risk(
        stop_loss,
        draw(off | shares),
        draw(off | shares),
        draw(off | shares),
        draw(ladders),
        draw(st.sampled_from(sizing)),
    )
    return Scene(bars, Signals(enter, leave), broker, risk)


def played_by_both(scene):
    return simulate(*scene), BacktraderEngine().trade(*scene).ledger


@given(scenes())
def test_backtrader_agrees_with_the_kernel(scene):
    ours, theirs = played_by_both(scene)

    assert compare(scene.bars, ours, theirs).differences == ()
    assert theirs.unfilled == ours.unfilled


@given(scenes(), st.data())
def test_where_a_bar_is_broken_every_difference_is_known(scene, data):
    where = data.draw(st.integers(0, len(scene.bars) - 1))
    open_ = scene.bars.open.copy()
    open_[where] *= data.draw(st.sampled_from([0.5, 0.8, 1.2, 2.0]))
    scene = scene._replace(bars=replace(scene.bars, open=open_))

    causes = {difference.cause for difference in compare(scene.bars, *played_by_both(scene)).differences}

    assert causes <= {Cause.BROKEN_BAR, Cause.EARLIER_DIFFERENCE}
