"""The local exchange as a whole, but for the network: markets, time, faults and clients."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from tidewright.domain.bars import Bars, Market
from tidewright.domain.instant import utc
from tidewright.domain.resampling import bars_of
from tidewright.domain.tape import Tape
from tidewright.exchange.clock import SECOND, ExchangeClock
from tidewright.exchange.faults import Faults
from tidewright.exchange.limits import WEIGHT_PER_MINUTE, WeightLimits
from tidewright.exchange.markets import ExchangeMarket
from tidewright.exchange.player import BACKLOG, Player
from tidewright.exchange.rest import Rest
from tidewright.exchange.streams import Hub

EXCHANGE = "binance"


@dataclass(frozen=True, slots=True)
class Settings:
    """`speed` is how many times as fast as real time the tape is played; infinite: as fast as it is read. `start` is when time begins, in milliseconds, else where the tapes do;
    what happened before is history. With `wait` time begins with the first subscription. A connection is closed after `connection_age` seconds of virtual time, pinged every
    `ping` real seconds, and cut when more than `backlog` bytes wait to be read.
    """

    speed: float = 1.0
    start: int | None = None
    wait: bool = False
    weight_limit: int = WEIGHT_PER_MINUTE
    connection_age: float = 86_400.0
    ping: float = 20.0
    backlog: int = BACKLOG


@dataclass
class LocalExchange:
    """Raises ValueError for markets that do not overlap with the time that is asked for."""

    markets: Sequence[ExchangeMarket]
    settings: Settings = field(default_factory=Settings)
    faults: Faults = field(default_factory=Faults)
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.by_name = {market.name: market for market in self.markets}
        if not self.markets or len(self.by_name) < len(self.markets):
            raise ValueError("an exchange needs a market, and each symbol once")
        first, last = min(market.start for market in self.markets), max(market.end for market in self.markets)
        start = first if self.settings.start is None else self.settings.start * 1_000_000
        if not first <= start < last:
            raise ValueError(
                f"the tape is from {utc(first // 1_000_000)} to {utc(last // 1_000_000)}, and cannot start at {utc(start // 1_000_000)}"
            )
        self.end = last
        self.clock = ExchangeClock(start, self.settings.speed, self.monotonic)
        self.hub = Hub()
        self.limits = WeightLimits(self.settings.weight_limit)
        self.rest = Rest(self.by_name, self.clock, self.settings.weight_limit)
        self.player = Player(self.markets, self.clock, self.hub, self.faults, self.settings.backlog)
        self.subscribed = asyncio.Event()

    async def run(self) -> None:
        """Plays to the end of the tape, from the first subscription on where that is waited for."""
        if self.settings.wait:
            await self.subscribed.wait()
        await self.player.play()

    def truth(self, symbol: str) -> Tape:
        """Every trade of the tape of ``BTC/USDT`` or ``BTCUSDT``."""
        return self.by_name[symbol.replace("/", "")].log.tape()

    def bars(self, symbol: str, timeframe: str) -> Bars:
        """The bars that all trades of the tape make."""
        market = self.by_name[symbol.replace("/", "")]
        return bars_of(
            market.log.tape().ticks, Market(EXCHANGE, f"{market.symbol.base}/{market.symbol.quote}", timeframe)
        )

    def drop(self) -> int:
        """Cut all connections; how many there were."""
        connections = tuple(self.player.connections)
        for connection in connections:
            connection.cut()
        return len(connections)

    def status(self) -> dict[str, Any]:
        """What is told of it at ``/_status``."""
        speed = self.settings.speed
        return {
            "symbols": list(self.by_name),
            "time": utc(self.clock.milliseconds()),
            "start": utc(self.clock.start // 1_000_000),
            "end": utc(self.end // 1_000_000),
            "running": self.clock.running,
            "ended": self.player.ended.is_set(),
            "speed": "max" if speed == inf else speed,
            "clients": len(self.player.connections),
            "delivered": self.hub.delivered,
        }

    def expiry(self) -> float:
        """When a connection that is opened now reaches its age, in nanoseconds of virtual time."""
        return self.clock.now() + self.settings.connection_age * SECOND
