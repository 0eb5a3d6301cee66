"""The local store: one Parquet file per market, ``ROOT/binance/BTC-USDT/1h.parquet``, that other tools can read too."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tidewright.adapters import tables
from tidewright.adapters.atomic import atomic_write, locked
from tidewright.adapters.bar_merging import (
    check_absent,
    check_series,
    compared,
    conflict,
    description,
    no_market,
    union,
    united,
)
from tidewright.adapters.funding_merging import FUNDING
from tidewright.adapters.market_names import by_name, file_path, market_at
from tidewright.adapters.parquet_funding import ParquetFunding
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import Merged, Source, StoreDamaged, StoredMarket, StoreRefused, Stretch

FORMAT = 1
"""What this module writes, and the newest that it reads."""

_KEY = "tidewright"
_ALWAYS = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)


class ParquetStore(ParquetFunding):
    """A `BarStore` in a folder. Readers never wait; writers of one market take turns, in whatever process they are."""

    def read(self, market: Market, start: int | None = None, end: int | None = None) -> Bars:
        bars = _load(self._existing(market), market)
        return bars.between(_ALWAYS[0] if start is None else start, _ALWAYS[1] if end is None else end)

    def merge(self, bars: Bars, source: Source, *, replace: bool = False) -> Merged:
        check_series(bars)
        path = self._path(bars.market)
        with locked(path.with_name(f".{path.stem}.lock"), self._lock_timeout):
            old = _load(path, bars.market) if path.exists() else bars.part(0, 0)
            before = _describe(path, bars.market) if path.exists() else None
            same, differing = compared(old, bars)
            if len(differing) and not replace:
                raise StoreRefused(conflict(old, bars, differing))
            added = len(bars) - same - len(differing)
            if before is not None and not added and not len(differing):
                return Merged(0, 0, same, before)
            merged = union(old, bars)
            after = description(merged, before, source)
            atomic_write(path, partial(_write, bars=merged, description=after))
        return Merged(added, len(differing), same, after)

    def record_absent(self, market: Market, absent: Sequence[Stretch]) -> StoredMarket:
        path = self._existing(market)
        with locked(path.with_name(f".{path.stem}.lock"), self._lock_timeout):
            bars, before = _load(path, market), _describe(path, market)
            check_absent(bars, absent)
            after = replace(before, absent=united((*before.absent, *absent)))
            if after != before:
                atomic_write(path, partial(_write, bars=bars, description=after))
        return after

    def markets(self) -> list[StoredMarket]:
        found = {market_at(path): path for path in self._files()}
        described = []
        for market in sorted(found, key=by_name):
            try:
                described.append(_describe(found[market], market))
            except StoreDamaged as error:
                described.append(StoredMarket(market, damage=str(error)))
        return described

    def describe(self, market: Market) -> StoredMarket:
        return _describe(self._existing(market), market)

    def _path(self, market: Market) -> Path:
        path = self.root / file_path(market)
        return path.with_name(f"{path.name}.parquet")

    def _files(self) -> list[Path]:
        return [path for path in self.root.glob("*/*/*.parquet") if path.stem != FUNDING]

    def _existing(self, market: Market) -> Path:
        path = self._path(market)
        if path.exists():
            return path
        raise no_market(market, str(self.root), map(market_at, self._files()))


def _write(path: Path, bars: Bars, description: StoredMarket) -> None:
    columns = {"time": bars.time.astype("datetime64[ms]"), **{name: getattr(bars, name) for name in COLUMNS}}
    metadata = {"format": FORMAT, **asdict(description), "market": bars.market._asdict()}
    tables.write_parquet(path, columns, {_KEY: json.dumps(metadata)})


def _load(path: Path, market: Market) -> Bars:
    try:
        columns, metadata = tables.read_parquet(path, ("time", *COLUMNS))
        _recorded(path, market, metadata)
    except (tables.TableError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, market, error) from error
    time = columns.pop("time").astype("datetime64[ms]").astype(np.int64)
    return Bars(time=time, step=milliseconds(market.timeframe), market=market, **columns)


def _describe(path: Path, market: Market) -> StoredMarket:
    try:
        recorded = _recorded(path, market, tables.read_metadata(path))
        sources = tuple(Source(**source) for source in recorded.pop("sources"))
        absent = tuple(Stretch(*stretch) for stretch in recorded.pop("absent", ()))
        return StoredMarket(**{**recorded, "market": market, "sources": sources, "absent": absent})
    except (tables.TableError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, market, error) from error


def _recorded(path: Path, market: Market, metadata: Mapping[str, str]) -> dict[str, Any]:
    if _KEY not in metadata:
        raise tables.TableError(f"{path} was not written by Tidewright")
    recorded: dict[str, Any] = json.loads(metadata[_KEY])
    version = recorded.pop("format")
    if version > FORMAT:
        raise StoreDamaged(
            f"{path} was written by a newer Tidewright (format {version}); upgrade this one, or import the market again"
        )
    if (held := Market(**recorded["market"])) != market:
        raise tables.TableError(f"{path} holds the bars of {held}")
    return recorded


def _damaged(path: Path, market: Market, error: Exception) -> StoreDamaged:
    reason = (
        str(error) if isinstance(error, tables.TableError) else f"the metadata of {path} cannot be read ({error!r})"
    )
    return StoreDamaged(f"the stored bars of {market} are damaged: {reason}; remove {path} and import them again")
