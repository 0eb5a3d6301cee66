"""Recordings of Binance's streams: lines of ``<nanoseconds of receipt> <message>``, as text or compressed by gzip."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tidewright.domain.bars import Integers
from tidewright.exchange.books import RecordedBook
from tidewright.exchange.decimals import read
from tidewright.exchange.feeds import RecordedFeed
from tidewright.exchange.markets import ExchangeMarket, Symbol
from tidewright.exchange.trade_log import MILLISECOND, TradeLog

_GZIP = b"\x1f\x8b"
_STREAM = b'{"stream":"'


class RecordingRefused(ValueError):
    """What a recording lacks; the message names the file and the line."""


@dataclass
class _Streams:
    """What was received of one symbol: times of receipt and messages a kind of stream, in the order of the lines."""

    received: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    messages: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    snapshots: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def add(self, kind: str, received: int, message: bytes) -> None:
        self.received[kind].append(received)
        self.messages[kind].append(message)


def recorded_markets(files: Sequence[Path]) -> list[ExchangeMarket]:
    """The markets of some files, each symbol's files joined in the order of their times.

    Trades, tickers and changes of the book are taken as they were recorded, a trade that was received twice once; aggregates and klines are made of the trades. The
    exchange's clock is the recorder's, set right by as little as lets no trade come from the future. Raises RecordingRefused, and OSError.
    """
    symbols: dict[str, _Streams] = defaultdict(_Streams)
    for file in sorted(files, key=_first_received):
        _read(file, symbols)
    return [_market(name.upper(), streams) for name, streams in sorted(symbols.items())]


def _lines(file: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number, time of receipt and message of each line."""
    with file.open("rb") as plain:
        packed = plain.read(2) == _GZIP
    with gzip.open(file) if packed else file.open("rb") as lines:
        try:
            for number, line in enumerate(lines, 1):
                received, _, message = line.strip().partition(b" ")
                if not received.isdigit() or not message:
                    raise RecordingRefused(
                        f"{file}, line {number}: write a line as <nanoseconds> <JSON>; this is {line[:60]!r}"
                    )
                yield number, int(received), message
        except (EOFError, gzip.BadGzipFile) as error:
            raise RecordingRefused(f"{file} is cut off or damaged: {error}") from error


def _first_received(file: Path) -> int:
    first = next(_lines(file), None)
    if first is None:
        raise RecordingRefused(f"{file} is empty")
    return first[1]


def _read(file: Path, symbols: dict[str, _Streams]) -> None:
    present: dict[str, None] = {}
    snapshots: list[tuple[int, dict[str, Any]]] = []
    for number, received, message in _lines(file):
        stream, comma, data = message.removeprefix(_STREAM).partition(b'","data":')
        if comma and message.startswith(_STREAM):
            name, _, kind = stream.decode().partition("@")
            present[name] = None
            symbols[name].add(kind, received, data[:-1])
            continue
        try:
            told = json.loads(message)
        except ValueError as error:
            raise RecordingRefused(f"{file}, line {number}: no JSON: {error}") from error
        if "lastUpdateId" in told:
            snapshots.append((received, told))
    if len(present) == 1:  # a snapshot does not say what it is of
        symbols[next(iter(present))].snapshots += snapshots


def _market(name: str, streams: _Streams) -> ExchangeMarket:
    log, lines = _trades(name, streams)
    shift = int(log.at[0]) - streams.received["trade"][0] if len(log) else 0
    at = {kind: _ascending(received, shift) for kind, received in streams.received.items()}
    told = {kind: streams.messages[kind] for kind in ("bookTicker", "depth@100ms") if kind in streams.messages}
    feeds = [RecordedFeed(f"{name.lower()}@{kind}", at[kind], lines) for kind, lines in told.items()]
    snapshots = [(received + shift, snapshot) for received, snapshot in streams.snapshots]
    book = None
    if told or snapshots:
        tickers, changes = (
            (at.get(kind, np.empty(0, np.int64)).tolist(), told.get(kind, [])) for kind in ("bookTicker", "depth@100ms")
        )
        book = RecordedBook(*tickers, *changes, snapshots)
    return ExchangeMarket(Symbol.of(name), log, lines=lines, book=book, recorded=feeds)


def _trades(name: str, streams: _Streams) -> tuple[TradeLog, list[bytes]]:
    lines: list[bytes] = []
    received: list[int] = []
    trades: list[dict[str, Any]] = []
    for when, line in zip(streams.received["trade"], streams.messages["trade"], strict=True):
        trade = json.loads(line)
        if not trades or trade["t"] > trades[-1]["t"]:
            trades.append(trade)
            lines.append(line)
            received.append(when)
    if not trades:
        raise RecordingRefused(f"the recording has no trades of {name}; record the stream {name.lower()}@trade")
    try:
        price, quantity = (read([trade[field] for trade in trades]) for field in "pq")
        id_, time, told = (np.array([trade[field] for trade in trades], np.int64) for field in "tTE")
        maker = np.array([trade["m"] for trade in trades], np.bool_)
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingRefused(f"the trades of {name} are not Binance's: {error!r}") from error
    shift = int(np.max(np.maximum(told, time) * MILLISECOND - np.array(received, np.int64)))
    time = np.maximum.accumulate(time)
    return TradeLog(id_, time, *price, *quantity, maker, _ascending(received, shift)), lines


def _ascending(received: Sequence[int], shift: int) -> Integers:
    times: Integers = np.maximum.accumulate(np.array(received, np.int64) + shift)
    return times
