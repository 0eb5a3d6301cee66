"""The times of an account with several symbols, and what it was worth at each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tidewright.domain.bars import Bars, Floats, Integers
from tidewright.domain.compiled import compiled
from tidewright.domain.ledger import Fills
from tidewright.domain.position import NEVER


@dataclass(frozen=True, slots=True)
class Clock:
    """The times of an account, shape (T,), and the length of the bars that open at them, in milliseconds."""

    time: Integers
    step: int

    def __len__(self) -> int:
        return len(self.time)


def times_of(symbols: Sequence[Bars]) -> Integers:
    """Every time at which at least one symbol has a bar, increasing."""
    grid = symbols[0].time
    for bars in symbols[1:]:
        if not np.array_equal(grid, bars.time):
            grid = _union(grid, bars.time)
    return grid


@compiled
def _union(first: Integers, second: Integers) -> Integers:
    both = np.empty(len(first) + len(second), dtype=np.int64)
    i = k = count = 0
    while i < len(first) or k < len(second):
        if k == len(second) or (i < len(first) and first[i] <= second[k]):
            if k < len(second) and first[i] == second[k]:
                k += 1
            both[count] = first[i]
            i += 1
        else:
            both[count] = second[k]
            k += 1
        count += 1
    return both[:count].copy()


def valued(grid: Integers, cash: Floats, symbols: Sequence[Bars], fills: Fills) -> Floats:
    """Cash and positions at the close of each time of `grid`, shape (T,); `cash` has that shape. Summed in the order of the symbols.

    A symbol without a bar at a time is worth its last close.
    """
    equity = cash.copy()
    order = np.argsort(fills.symbol.astype(np.int16), kind="stable")
    bar, held = fills.bar[order], fills.held[order]
    first = np.searchsorted(fills.symbol[order], np.arange(len(symbols) + 1))
    for symbol, bars in enumerate(symbols):
        own = slice(first[symbol], first[symbol + 1])
        _add_value(equity, grid, bars.time, bars.close, bar[own], held[own])
    return equity


@compiled
def _add_value(equity: Floats, grid: Integers, time: Integers, close: Floats, bar: Integers, held: Floats) -> None:
    n, on_grid = len(time), len(time) == len(grid)
    slot = 0
    for k in range(len(bar)):
        until = bar[k + 1] if k + 1 < len(bar) else n
        if held[k] == 0.0:
            continue
        if on_grid:
            for i in range(bar[k], until):
                equity[i] += held[k] * close[i]
            continue
        for i in range(bar[k], until):
            while grid[slot] < time[i]:
                slot += 1
            end = time[i + 1] if i + 1 < n else NEVER
            while slot < len(grid) and grid[slot] < end:
                equity[slot] += held[k] * close[i]
                slot += 1


def holdings(grid: Integers, symbols: Sequence[Bars], fills: Fills) -> Floats:
    """The signed quantity held of each symbol at the close of each time of `grid`, shape (m, T)."""
    held = np.zeros((len(symbols), len(grid)))
    for symbol, bars in enumerate(symbols):
        own = fills.of(symbol)
        lengths = np.diff(np.searchsorted(grid, bars.time[own.bar]), prepend=0, append=len(grid))
        held[symbol] = np.repeat(np.concatenate(((0.0,), own.held)), lengths)
    return held


def closes(grid: Integers, symbols: Sequence[Bars]) -> Floats:
    """Each symbol's last close at each time of `grid`, shape (m, T); NaN before its first bar."""
    known = np.full((len(symbols), len(grid)), np.nan)
    for row, bars in zip(known, symbols, strict=True):
        last = np.searchsorted(bars.time, grid, side="right") - 1
        row[last >= 0] = bars.close[last[last >= 0]]
    return known
