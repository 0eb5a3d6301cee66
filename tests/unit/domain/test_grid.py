import numpy as np

from tidewright.domain.bars import Bars
from tidewright.domain.grid import holdings, times_of, valued
from tidewright.domain.ledger import Fills


def bars_at(*times, close=1.0):
    columns = np.broadcast_to(np.asarray(close, dtype=np.float64), len(times)).copy()
    return Bars(np.array(times, dtype=np.int64), *[columns] * 5, step=1)


def fills_of(*rows):
    """From (symbol, bar, held)."""
    symbol, bar, held = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    codes, numbers = np.zeros(len(rows), dtype=np.int8), np.zeros(len(rows))
    whole = np.zeros(len(rows), dtype=np.int64)
    return Fills(
        bar=bar.astype(np.int64),
        time=whole,
        side=codes,
        price=numbers,
        quantity=numbers,
        fee=numbers,
        reason=codes,
        position=whole,
        held=held,
        symbol=symbol.astype(np.int64),
    )


def test_the_times_are_those_of_all_symbols_in_order():
    assert times_of([bars_at(1, 2, 5), bars_at(2, 3), bars_at(0, 7), bars_at()]).tolist() == [0, 1, 2, 3, 5, 7]


def test_one_symbols_times_are_its_own_without_a_copy():
    bars = bars_at(1, 2)

    assert times_of([bars, bars_at(1, 2)]) is bars.time
    assert len(times_of([bars_at()])) == 0


def test_positions_are_worth_their_last_close_from_their_fill_on():
    grid = np.arange(6)
    first, second = bars_at(*range(6), close=[1, 2, 3, 4, 5, 6]), bars_at(1, 2, 4, close=[10, 20, 40])
    fills = fills_of((0, 1, 2.0), (1, 1, -1.0), (0, 4, 0.0))
    equity = valued(grid, np.full(6, 100.0), [first, second], fills)

    assert equity.tolist() == [100, 104, 100 + 6 - 20, 100 + 8 - 20, 100 - 40, 100 - 40]


def test_of_several_fills_of_one_bar_the_last_one_counts():
    fills = fills_of((0, 1, 2.0), (0, 1, 0.0), (0, 1, -3.0))

    assert valued(np.arange(3), np.zeros(3), [bars_at(0, 1, 2)], fills).tolist() == [0, -3, -3]


def test_holdings_are_by_symbol_at_every_time():
    symbols = [bars_at(*range(5)), bars_at(1, 3)]
    held = holdings(np.arange(5), symbols, fills_of((0, 1, 2.0), (1, 1, 5.0), (0, 2, 0.0)))

    assert held.tolist() == [[0, 2, 0, 0, 0], [0, 0, 0, 5, 5]]
