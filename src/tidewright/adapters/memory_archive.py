"""An archive in memory, for one process and as long as it lives."""

from collections.abc import Iterable, Sequence
from dataclasses import replace as changed
from itertools import islice
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewright.adapters.archive_input import check_bars, check_tape
from tidewright.domain.bars import COLUMNS, Bars, Integers, Market
from tidewright.domain.tape import TAPE_COLUMNS, Tape
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import Reject, StoredReport, Written

_BAR = np.dtype([("time", "<i8"), *((name, "<f8") for name in COLUMNS)])
_TRADE = np.dtype([("id", "<i8"), ("time", "<i8"), ("price", "<f8"), ("quantity", "<f8"), ("buyer_is_maker", "?")])

_Rows = dict[int, bytes]
"""The bytes of rows by their natural key, so that what is the same is the same bit for bit, NaN included."""


class MemoryArchive:
    """An `Archive` that is never away."""

    def __init__(self) -> None:
        self._bars: dict[Market, _Rows] = {}
        self._tapes: dict[tuple[str, str], _Rows] = {}
        self._held: dict[str, Reject] = {}
        self._reports: dict[str, StoredReport] = {}

    async def write_bars(self, bars: Bars, *, replace: bool = False) -> Written:
        check_bars(bars)
        return _write(self._bars.setdefault(bars.market, {}), _rows(bars, _BAR), bars.time, replace=replace)

    async def write_tape(self, exchange: str, symbol: str, tape: Tape) -> Written:
        check_tape(exchange, symbol, tape)
        return _write(self._tapes.setdefault((exchange, symbol), {}), _rows(tape, _TRADE), tape.id, replace=False)

    async def read_bars(self, market: Market, start: int | None = None, end: int | None = None) -> Bars:
        rows = _read(self._bars.get(market, {}), _BAR, start, None if end is None else end - 1)
        columns = {name: rows[name].copy() for name in ("time", *COLUMNS)}
        return Bars(**columns, step=milliseconds(market.timeframe), market=market)

    async def read_tape(self, exchange: str, symbol: str, first: int | None = None, last: int | None = None) -> Tape:
        rows = _read(self._tapes.get((exchange, symbol), {}), _TRADE, first, last)
        return Tape(**{name: rows[name].copy() for name in TAPE_COLUMNS})

    async def newest_trade(self, exchange: str, symbol: str) -> int | None:
        return max(self._tapes.get((exchange, symbol), ()), default=None)

    async def newest_bar(self, market: Market) -> int | None:
        return max(self._bars.get(market, ()), default=None)

    async def hold(self, rejects: Sequence[Reject]) -> None:
        for reject in rejects:
            held = self._held.get(reject.id)
            again = changed(held, reasons=reject.reasons, attempts=held.attempts + 1) if held else reject
            self._held[reject.id] = again

    async def held(self, most: int, *, topic: str | None = None, after: str = "") -> list[Reject]:
        found = (self._held[key] for key in sorted(self._held) if key > after)
        return list(islice((reject for reject in found if topic in {None, reject.topic}), most))

    async def release(self, ids: Sequence[str]) -> int:
        return sum(self._held.pop(key, None) is not None for key in ids)

    async def save_report(self, report: StoredReport) -> None:
        self._reports[report.id] = report

    async def report(self, report_id: str) -> StoredReport | None:
        return self._reports.get(report_id)

    async def reports(self, most: int) -> list[StoredReport]:
        return sorted(self._reports.values(), key=attrgetter("created_ms", "id"), reverse=True)[:most]

    async def close(self) -> None:
        """There is nothing to let go of."""


def _rows(columns: object, kind: np.dtype[Any]) -> Iterable[bytes]:
    names = kind.names or ()
    rows = np.empty(len(getattr(columns, names[0])), kind)
    for name in names:
        rows[name] = getattr(columns, name)
    data = rows.tobytes()
    return (data[at : at + kind.itemsize] for at in range(0, len(data), kind.itemsize))


def _write(held: _Rows, rows: Iterable[bytes], keys: Integers, *, replace: bool) -> Written:
    added = unchanged = 0
    differing = set()
    for key, row in zip(keys.tolist(), rows, strict=True):
        there = held.get(key)
        if there is None or (replace and there != row):
            held[key] = row
            added += 1
        elif there == row:
            unchanged += 1
        else:
            differing.add(key)
    return Written(added, unchanged, tuple(sorted(differing)))


def _read(held: _Rows, kind: np.dtype[Any], first: int | None, last: int | None) -> NDArray[Any]:
    keys = sorted(key for key in held if (first is None or key >= first) and (last is None or key <= last))
    return np.frombuffer(b"".join(held[key] for key in keys), kind)
