"""A live history starts at an anchor, and what was said of it stays true as it grows."""

from dataclasses import replace

import numpy as np
import pytest

from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.live import Parity
from tidewright.domain.live_history import AnchorRefused, anchored, check_anchor, continued, first_correction
from tidewright.domain.provenance import bars_digest
from tidewright.domain.strategies.evaluation import Evaluation
from tidewright.domain.strategies.strategy import Signals

BTC = Market("binance", "BTC/USDT", "1h")
HOUR = 3_600_000
DIGEST = "sha256:this"


def bars(count: int) -> Bars:
    numbers = np.random.default_rng(11)
    time = HOUR * np.arange(10, 30)
    return Bars(time, *(numbers.lognormal(size=20) for _ in COLUMNS), step=HOUR, market=BTC).part(0, count)


def with_close(series: Bars, row: int, close: float) -> Bars:
    closes = series.close.copy()
    closes[row] = close
    return replace(series, close=closes)


def said_of(series: Bars) -> Evaluation:
    """The close's running maximum, as a strategy might say it; undefined at first."""
    top = np.maximum.accumulate(series.close)
    top[:2] = np.nan
    return Evaluation({"top": top}, Signals(series.close >= top, series.close < top))


def history(series: Bars, before=None, evaluation=None):
    return continued(before, anchored(series, 3, DIGEST), series, evaluation or said_of(series))


class TestAnchor:
    def test_it_names_the_first_bar_and_digests_the_warmup(self):
        anchor = anchored(bars(8), 3, DIGEST)
        assert (anchor.market, anchor.strategy, anchor.first, anchor.warmup) == (BTC, DIGEST, 10 * HOUR, 3)
        assert anchor.digest == bars_digest(bars(8).part(0, 3))

    @pytest.mark.parametrize(("count", "warmup"), [(2, 3), (0, 0)])
    def test_it_needs_the_whole_warmup(self, count, warmup):
        with pytest.raises(ValueError, match=f"{count} of {max(warmup, 1)} bars"):
            anchored(bars(count), warmup, DIGEST)

    def test_it_holds_however_long_the_history_grows(self):
        check_anchor(anchored(bars(3), 3, DIGEST), bars(8), 3, DIGEST)

    def test_bars_after_the_warmup_may_be_corrected(self):
        check_anchor(anchored(bars(8), 3, DIGEST), with_close(bars(8), 3, 7.0), 3, DIGEST)

    @pytest.mark.parametrize(
        ("series", "warmup", "strategy", "told"),
        [
            (
                bars(8),
                3,
                "sha256:other",
                "made for the strategy sha256:this with 3 bars of warm-up, and this one is sha256:other with 3",
            ),
            (bars(8), 4, DIGEST, "made for the strategy"),
            (with_close(bars(8), 2, 7.0), 3, DIGEST, "the first 3 bars, from 1970-01-01T10:00:00Z, have the digest"),
            (bars(8).part(1, 8), 3, DIGEST, "the first bar since then opens at 1970-01-01T11:00:00Z"),
            (bars(0), 3, DIGEST, "there is no bar since"),
            (replace(bars(8), market=Market("kraken", "BTC/USDT", "1h")), 3, DIGEST, "these are bars of"),
        ],
    )
    def test_what_is_of_another_history_is_refused(self, series, warmup, strategy, told):
        with pytest.raises(AnchorRefused, match=told):
            check_anchor(anchored(bars(8), 3, DIGEST), series, warmup, strategy)


class TestSignals:
    def test_a_signal_has_the_bar_the_events_and_the_columns(self):
        series = bars(8)
        signal = history(series).signal(5)
        assert (signal.market, signal.time, signal.close_time) == (BTC, 15 * HOUR, 16 * HOUR)
        assert signal.bar == tuple(getattr(series, name)[5] for name in COLUMNS)
        assert set(signal.events) == {"enter", "exit"}
        assert signal.columns == {"top": series.close[:6].max()}
        assert signal.without_events().events is None

    def test_nothing_is_said_of_the_warmup(self):
        assert history(bars(8)).rows(0, 2**60) == range(3, 8)

    def test_rows_are_chosen_by_open_time_end_exclusive(self):
        assert history(bars(8)).rows(14 * HOUR, 16 * HOUR) == range(4, 6)
        assert len(history(bars(8)).rows(30 * HOUR, 40 * HOUR)) == 0

    def test_a_strategy_without_signals_has_no_events(self):
        assert history(bars(8), evaluation=Evaluation({"top": np.ones(8)}, None)).signal(4).events is None

    def test_provenance_is_of_all_bars(self):
        provenance = history(bars(8)).provenance
        assert (provenance.bars, provenance.data) == (8, bars_digest(bars(8)))


class TestParity:
    def test_what_was_said_before_is_compared_at_every_new_bar(self):
        now = history(bars(5))
        assert now.parity == Parity(0, 0)
        for count in (6, 7, 9):
            now = history(bars(count), now)
        assert now.parity == Parity(4, 0)

    def test_a_strategy_that_sees_the_future_is_found(self):
        def peeking(series):
            top = np.append(series.close[1:], np.nan)
            return Evaluation({"next": top}, Signals(top > 1, top < 1))

        now = history(bars(6), evaluation=peeking(bars(6)))
        assert history(bars(7), now, peeking(bars(7))).parity == Parity(1, 1)

    def test_a_difference_in_the_last_bit_is_found(self):
        changed = said_of(bars(7))
        changed.columns["top"][4] = np.nextafter(changed.columns["top"][4], 9.0)
        assert history(bars(7), history(bars(6)), changed).parity.differences == 1

    def test_a_difference_within_the_warmup_was_never_said(self):
        changed = said_of(bars(7))
        changed.columns["top"][2] += 1.0
        assert history(bars(7), history(bars(6)), changed).parity.differences == 0

    def test_corrected_bars_are_not_compared(self):
        assert history(with_close(bars(7), 4, 7.0), history(bars(6))).parity == Parity(0, 0)


class TestCorrections:
    def test_more_bars_are_no_correction(self):
        assert first_correction(bars(5), bars(8)) is None

    def test_a_changed_value_is_one(self):
        assert first_correction(bars(8), with_close(bars(8), 4, 7.0)) == 14 * HOUR

    def test_a_late_bar_is_one(self):
        rows = [0, 1, 2, 3, 5, 6, 7]
        whole = bars(8)
        gap = replace(whole, **{name: getattr(whole, name)[rows] for name in ("time", *COLUMNS)})
        assert first_correction(gap, whole) == 14 * HOUR

    def test_a_bar_that_is_gone_is_one(self):
        assert first_correction(bars(8), bars(6)) == 16 * HOUR
