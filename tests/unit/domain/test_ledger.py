from dataclasses import replace

import numpy as np
import pytest

from tidewright.domain.ledger import Fills, Ledger, Reason, Trades


def fills(*bars_and_holdings):
    bar = np.array([bar for bar, _ in bars_and_holdings], dtype=np.int64)
    held = np.array([held for _, held in bars_and_holdings], dtype=np.float64)
    nothing = np.zeros(len(bar))
    codes = nothing.astype(np.int8)
    return Fills(bar, bar, codes, nothing, nothing, nothing, codes, bar, held, np.zeros_like(bar))


def ledger(bars, *bars_and_holdings):
    return Ledger(1_000.0, fills(*bars_and_holdings), np.zeros(bars), 1_000.0, 0)


@pytest.mark.parametrize(
    ("reason", "number", "title"),
    [
        (Reason.SIGNAL, 0, "Signal"),
        (Reason.STOP_LOSS, 1, "StopLoss"),
        (Reason.TRAILING_STOP, 2, "TrailingStop"),
        (Reason.TAKE_PROFIT, 3, "TakeProfit"),
        (Reason.ROI, 4, "ROI"),
    ],
)
def test_the_numbers_of_reasons_are_in_every_digest_and_never_change(reason, number, title):
    assert (int(reason), reason.title) == (number, title)


def test_the_holding_is_what_the_last_fill_left():
    assert ledger(6, (1, 2.0), (3, 5.0), (4, 0.0)).holding().tolist() == [0, 2, 2, 5, 0, 0]


def test_of_several_fills_in_a_bar_the_last_one_counts():
    assert ledger(4, (1, 2.0), (1, 0.0), (3, -1.5)).holding().tolist() == [0, 0, 0, -1.5]


def test_without_fills_nothing_is_held():
    assert ledger(3).holding().tolist() == [0, 0, 0]
    assert ledger(0).holding().tolist() == []


def test_bars_held_count_from_the_entry_bar():
    columns = {name: np.zeros(2) for name in Trades.__dataclass_fields__}
    trades = replace(Trades(**columns), entry_bar=np.array([1, 4]), exit_bar=np.array([1, 7]))

    assert trades.bars_held.tolist() == [0, 3]
    assert len(trades) == 2
    assert len(fills((1, 2.0))) == 1
