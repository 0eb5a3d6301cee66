"""A follower says what the whole history says, whatever happens to its bars and its process."""

import numpy as np
import pytest
from live_market import BTC, HOUR, AnchorMemory, Feed, Live, hours, resolved, with_close, without

from tidewright.domain.strategies.evaluation import StrategyUnreachable, evaluate
from tidewright.ports import AnchorDamaged, StoreDamaged
from tidewright.serving.failures import Kind

pytestmark = pytest.mark.anyio

WARMUP = resolved().warmup


async def live_through(live, rows, said=None):
    """What was said of each bar when it was the newest."""
    said = {} if said is None else said
    for row in rows:
        live.feed.bars[BTC] = hours(BTC, range(row + 1))
        assert await live.refresh()
        said[row] = live.followers["BTC/USDT"].history.signal(row)
    return said


def agrees_with_batch(said, strategy=None):
    """Whether every signal that was said is, bit for bit, that of one evaluation over all bars."""
    strategy = strategy or resolved()
    bars = hours(BTC, range(max(said) + 1))
    whole = evaluate(strategy.strategy, bars, strategy.parameters)
    return all(
        signal.events == {name: bool(values[row]) for name, values in whole.signals.by_name().items()}
        and all(
            np.float64(value).tobytes() == np.float64(whole.columns[name][row]).tobytes()
            for name, value in signal.columns.items()
        )
        for row, signal in said.items()
    )


async def test_what_is_said_live_is_what_the_batch_says():
    said = await live_through(Live(Feed(hours(BTC, range(1)))), range(WARMUP, WARMUP + 60))
    assert any(signal.events["enter"] for signal in said.values())
    assert agrees_with_batch(said)


async def test_a_restart_changes_nothing():
    anchors, said = AnchorMemory(), {}
    for first in range(WARMUP, WARMUP + 60, 20):
        await live_through(Live(Feed(hours(BTC, range(1))), anchors), range(first, first + 20), said)
    assert agrees_with_batch(said)


async def test_a_history_that_began_elsewhere_says_something_else():
    """Why there is an anchor: an exponential average from another first bar is not the same bits."""
    live = Live(Feed(hours(BTC, range(5, WARMUP + 30))))
    await live.refresh()
    row = len(live.followers["BTC/USDT"].history) - 1
    assert not agrees_with_batch({row + 5: live.followers["BTC/USDT"].history.signal(row)})


async def test_after_a_restart_bars_before_the_anchor_are_none_of_its_business():
    anchors = AnchorMemory()
    await Live(Feed(hours(BTC, range(5, 60))), anchors).refresh()
    again = Live(Feed(hours(BTC, range(60))), anchors)
    await again.refresh()
    assert int(again.followers["BTC/USDT"].history.bars.time[0]) == 5 * HOUR


async def test_the_warmup_is_waited_for():
    live = Live(Feed(hours(BTC, range(WARMUP))))
    assert not await live.refresh()
    trouble = live.followers["BTC/USDT"].trouble
    assert trouble.kind is Kind.UNAVAILABLE
    assert f"{WARMUP} of the {WARMUP + 1} bars that it takes have closed; wait, or import more" in trouble.detail
    assert live.anchors.kept == {}
    live.feed.bars[BTC] = hours(BTC, range(WARMUP + 1))
    assert await live.refresh()
    assert live.followers["BTC/USDT"].trouble is None


async def test_a_bar_that_is_repeated_is_evaluated_once():
    live = Live(Feed(hours(BTC, range(60))))
    assert await live.refresh()
    before = live.followers["BTC/USDT"].history
    assert not await live.refresh()
    assert live.followers["BTC/USDT"].history is before


async def test_a_gap_stays_a_gap():
    live = Live(Feed(without(hours(BTC, range(60)), 50)))
    await live.refresh()
    history = live.followers["BTC/USDT"].history
    assert 50 * HOUR not in history.bars.time
    assert history.newest == 59 * HOUR


async def test_a_late_bar_takes_its_place_and_is_counted():
    live = Live(Feed(without(hours(BTC, range(60)), 50)))
    await live.refresh()
    live.feed.bars[BTC] = hours(BTC, range(61))
    assert await live.refresh()
    assert agrees_with_batch({60: live.followers["BTC/USDT"].history.signal(60)})
    assert 'tidewright_signals_corrections_total{symbol="BTC/USDT"} 1.0' in live.metrics.text().decode()
    assert live.followers["BTC/USDT"].history.parity.differences == 0


async def test_after_a_correction_a_restart_still_changes_nothing():
    anchors = AnchorMemory()
    live = Live(Feed(hours(BTC, range(60))), anchors)
    await live.refresh()
    live.feed.bars[BTC] = with_close(hours(BTC, range(61)), 50, 150.0)
    await live.refresh()
    again = Live(live.feed, anchors)
    await again.refresh()
    ours, theirs = live.followers["BTC/USDT"].history, again.followers["BTC/USDT"].history
    assert ours.signal(60) == theirs.signal(60)
    assert ours.digest == theirs.digest


async def test_a_correction_of_the_warmup_is_refused_until_it_is_undone_or_the_anchor_removed():
    live = Live(Feed(hours(BTC, range(60))))
    await live.refresh()
    live.feed.bars[BTC] = with_close(hours(BTC, range(60)), 1, 150.0)
    await live.refresh()
    trouble = live.followers["BTC/USDT"].trouble
    assert trouble.kind is Kind.PRECONDITION
    assert f"the first {WARMUP} bars, from 1970-01-01T00:00:00Z, have the digest" in trouble.detail
    assert "or remove memory of BTC/USDT to start a new history" in trouble.detail
    live.anchors.kept.clear()
    assert await live.refresh()
    assert live.followers["BTC/USDT"].trouble is None


async def test_the_anchor_of_another_strategy_is_refused():
    anchors = AnchorMemory()
    await Live(Feed(hours(BTC, range(60))), anchors).refresh()
    other = Live(Feed(hours(BTC, range(60))), anchors, resolved({"builtin": "MacdCross"}))
    await other.refresh()
    trouble = other.followers["BTC/USDT"].trouble
    assert trouble.kind is Kind.PRECONDITION
    assert trouble.detail.startswith(f"the anchor was made for the strategy {resolved().digest}")
    assert "remove memory of BTC/USDT to start a new history" in trouble.detail


async def test_the_anchor_of_a_replica_that_was_first_is_taken():
    anchors = AnchorMemory()
    await Live(Feed(hours(BTC, range(3, 60))), anchors).refresh()
    hidden = anchors.kept.copy()
    late = Live(Feed(hours(BTC, range(60))), anchors)
    answers = iter([None])
    anchors.read = lambda market: next(answers, hidden[market])
    assert await late.refresh()
    assert int(late.followers["BTC/USDT"].history.bars.time[0]) == 3 * HOUR


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (StoreDamaged("the file is torn; import it again"), Kind.UNAVAILABLE),
        (OSError("the volume is gone"), Kind.UNAVAILABLE),
        (StrategyUnreachable("nobody has answered for 120 s"), Kind.UNAVAILABLE),
        (AnchorDamaged("the anchor is torn; remove it"), Kind.PRECONDITION),
    ],
)
async def test_trouble_is_told_and_passes(trouble, kind):
    live = Live(Feed(hours(BTC, range(60))))
    await live.refresh()
    live.feed.trouble = trouble
    assert not await live.refresh()
    assert (live.followers["BTC/USDT"].trouble.kind, live.followers["BTC/USDT"].trouble.detail) == (kind, str(trouble))
    assert live.followers["BTC/USDT"].history is None
    live.feed.trouble = None
    await live.refresh()
    assert live.followers["BTC/USDT"].history.newest == 59 * HOUR


async def test_a_market_without_bars_is_trouble():
    live = Live(Feed())
    await live.refresh()
    assert live.followers["BTC/USDT"].trouble.kind is Kind.PRECONDITION
    assert "there are no bars of BTC/USDT 1h on binance" in live.followers["BTC/USDT"].trouble.detail
