"""Random markets, wishes and terms for property tests.

Prices lie on a coarse grid, so that a price and a stop or a target often are the very same number, or are scaled off it. Bars gap, skip
hours, and move by up to a third.
"""

import numpy as np
from hypothesis import strategies as st

from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, RoiStep, Sizing

HOUR = 3_600_000


def bars_of(moves, scale, volumes=None, start=0):
    """Bars from ``(hours, gap, body, wick above, wick below)``, in ticks, around 100; the first opens after `start` milliseconds."""
    time, price, rows = start, 100, []
    for hours, gap, body, above, below in moves:
        time += hours * HOUR
        open_ = max(price + gap, 2)
        price = max(open_ + body, 2)
        rows.append((time, open_, max(open_, price) + above, max(min(open_, price) - below, 1), price))
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    open_, high, low, close = (table[:, 1:] * scale).T.copy()
    volume = np.ones(len(table)) if volumes is None else np.array(volumes, dtype=np.float64)
    return Bars(table[:, 0].astype(np.int64), open_, high, low, close, volume, step=HOUR)


small = st.integers(-3, 3)
large = st.integers(-33, 33)
moves = st.tuples(
    st.sampled_from([1, 1, 1, 2, 5]),
    st.just(0) | small | large,
    small | small | large,
    st.integers(0, 12),
    st.integers(0, 12),
)
scales = st.sampled_from([1.0, 0.3337])
wishes = st.sampled_from([*[(True, False)] * 3, *[(False, False)] * 5, (False, True), (True, True)])
shares = st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.25])
off = st.just(0.0)
ladders = st.dictionaries(st.sampled_from([0, 1, 2, 3, 7]), st.just(0.0) | shares, max_size=3).map(
    lambda steps: tuple(RoiStep(hours * HOUR, profit) for hours, profit in sorted(steps.items()))
)
sizes = st.sampled_from([Sizing(1.0), Sizing(0.95), Sizing(0.5), Sizing(0.001)])
risked = st.sampled_from([Sizing(0.0, risk=0.01), Sizing(0.0, risk=0.2), Sizing(0.0, risk=1.0)])
brokers = st.builds(
    Broker,
    cash=st.sampled_from([10_000.0, 1.0, 12_345.67]),
    commission=st.sampled_from([0.0, 0.001, 0.1]),
    slippage=st.sampled_from([0.0, 0.0005, 0.01, 0.1]),
)


@st.composite
def protections(draw):
    """The stops, targets and sizing of a `Risk`, by name."""
    stop_loss = draw(off | shares)
    return {
        "stop_loss": stop_loss,
        "take_profit": draw(off | off | shares),
        "trail_activation": draw(off | shares),
        "trail_distance": draw(off | shares),
        "roi": draw(st.just(()) | ladders),
        "sizing": draw(sizes | risked if stop_loss else sizes),
    }
