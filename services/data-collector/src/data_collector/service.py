"""What can be asked of the collector: its symbols, backfills, history and what comes in."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

import numpy as np

from data_collector.api import REFUSALS
from data_collector.backfill import Backfill, Backfills, BackfillsFull, OpenSource, windows
from data_collector.collector import Collector
from data_collector.onlookers import Onlookers
from data_collector.past import LATE
from data_collector.status import Status, SymbolStatus
from data_collector.symbol_file import SymbolFile
from tidewright.adapters.exchange.source import UnknownSymbol
from tidewright.domain.bars import Bars, Market
from tidewright.domain.resampling import bar_opens
from tidewright.domain.timeframe import TIMEFRAMES, milliseconds
from tidewright.ports import Message, Stretch
from tidewright.serving.failures import Failure, Kind

_SYMBOL = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}")
_LONGEST = 5_000_000
"""The most bars of one backfill: nine years of minutes."""

_MOST_SYMBOLS = 1_000


def well_formed(symbol: str) -> bool:
    """Whether it could be one of the spot market."""
    return _SYMBOL.fullmatch(symbol) is not None


class CollectorService:
    """The use case behind both protocols. Everything raises Failure."""

    def __init__(
        self,
        collector: Collector,
        backfills: Backfills,
        source: OpenSource,
        onlookers: Onlookers,
        file: SymbolFile | None = None,
    ) -> None:
        self.collector = collector
        self._backfills = backfills
        self._source = source
        self._onlookers = onlookers
        self._file = file

    async def work(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.collector.work())
            tasks.create_task(self._backfills.work())

    def stop(self) -> None:
        """End the open streams."""
        self._onlookers.stop()

    def problem(self) -> str:
        """Why not everything is collected and published; empty where it is."""
        return self.collector.problem()

    def status(self) -> Status:
        return self.collector.status()

    def symbol(self, symbol: str) -> SymbolStatus:
        """How one that is collected stands."""
        found = next((one for one in self.status().symbols if one.symbol == symbol), None)
        if found is None:
            known = ", ".join(self.collector.symbols) or "none"
            raise Failure(Kind.NOT_FOUND, f"symbol: {symbol[:80]!r} is not collected; collected are {known}")
        return found

    async def add(self, symbol: str) -> SymbolStatus:
        """Collect a symbol from now on, and after a restart. Repeating does no harm."""
        if not well_formed(symbol):
            raise Failure(
                Kind.INVALID, f"symbol: {symbol[:80]!r}: write one of the spot market as BTC/USDT or BTC-USDT"
            )
        if symbol not in self.collector.symbols:
            if len(self.collector.symbols) >= _MOST_SYMBOLS:
                raise Failure(
                    Kind.BUSY, f"{_MOST_SYMBOLS:,} symbols are collected; remove one, or start another collector"
                )
            await self._check(symbol)
            self._remember([*self.collector.symbols, symbol])
            self.collector.add(symbol)
        return self.symbol(symbol)

    def remove(self, symbol: str) -> None:
        """Collect a symbol no longer; what was published stays, and adding it again goes on from there."""
        self.symbol(symbol)
        self._remember([one for one in self.collector.symbols if one != symbol])
        self.collector.remove(symbol)

    def backfill(self, market: Market, period: Stretch) -> Backfill:
        """Begin to publish past bars; asking again tells how far it is, and begins again what has failed."""
        period = _on_grid(market, period)
        if (count := (period.end - period.start) // milliseconds(market.timeframe)) > _LONGEST:
            raise Failure(Kind.INVALID, f"end: {count:,} bars; ask for {_LONGEST:,} at most at a time")
        try:
            return self._backfills.ask(market, period)
        except BackfillsFull as error:
            raise Failure(Kind.BUSY, str(error)) from error

    def known_backfill(self, identity: str) -> Backfill:
        found = self._backfills.known(identity)
        if found is None:
            raise Failure(
                Kind.NOT_FOUND,
                f"id: {identity[:80]!r}: no such backfill since this process began; ask for it again, and it goes on where it was",
            )
        return found

    async def history(self, market: Market, period: Stretch) -> AsyncIterator[Bars]:
        """Past bars straight from the exchange, in parts; they are not published."""
        period = _on_grid(market, period)
        try:
            async with self._source(market) as source:
                over = await source.now() - LATE
                for window in windows(period, milliseconds(market.timeframe)):
                    if window.start < over:
                        yield (await source.bars(window)).between(0, over - milliseconds(market.timeframe) + 1)
        except UnknownSymbol as error:
            raise Failure(Kind.NOT_FOUND, f"symbol: {error}") from error
        except REFUSALS as error:
            raise Failure(Kind.UNAVAILABLE, str(error)) from error
        except ValueError as error:
            raise Failure(Kind.INVALID, f"exchange: {error}") from error

    async def live(self, symbols: Sequence[str]) -> AsyncIterator[list[Message]]:
        """What is published from now on, of these symbols or of all."""
        for symbol in symbols:
            self.symbol(symbol)
        wanted = set(symbols)
        async for messages in self._onlookers.follow():
            chosen = [one for one in messages if not wanted or one.lane.split("|")[1] in wanted]
            if chosen:
                yield chosen

    async def _check(self, symbol: str) -> None:
        try:
            await self.collector.check(symbol)
        except UnknownSymbol as error:
            raise Failure(Kind.NOT_FOUND, f"symbol: {error}") from error
        except REFUSALS as error:
            raise Failure(
                Kind.UNAVAILABLE, f"the exchange cannot be asked whether it trades {symbol}: {error}"
            ) from error

    def _remember(self, symbols: Sequence[str]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(symbols)
        except OSError as error:
            raise Failure(
                Kind.UNAVAILABLE, f"the symbols cannot be remembered: {error}; nothing was changed"
            ) from error


def _on_grid(market: Market, period: Stretch) -> Stretch:
    """The bars that open within a period. Raises Failure."""
    if market.timeframe not in TIMEFRAMES:
        raise Failure(Kind.INVALID, f"timeframe: {market.timeframe[:80]!r}; name one of {', '.join(TIMEFRAMES)}")
    for name, text in (("exchange", market.exchange), ("symbol", market.symbol)):
        if not 0 < len(text) <= 80 or "|" in text or "#" in text:
            raise Failure(Kind.INVALID, f"{name}: {text[:80]!r}: write them as in BTC/USDT on binance")
    step = milliseconds(market.timeframe)
    start, end = (int(bar_opens(np.array(time + step - 1), step)) for time in period)
    if start >= end:
        raise Failure(Kind.INVALID, "end: no bar opens between start and end; give a later end")
    return Stretch(start, end)
