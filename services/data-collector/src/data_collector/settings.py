"""What the data-collector is told by its environment."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tidewright.serving.settings import ServingSettings


class CollectorSettings(ServingSettings):
    """Beside what every service is told: what is collected, from where, and where to."""

    streams: str = "memory:"
    """Where the streams are: redis://HOST:6379/0, or memory: for this process alone."""
    symbols: str = "BTC/USDT"
    """Symbols that are collected, with commas between them; of no account once they have been changed while STATE is set."""
    timeframes: str = "1m,5m,15m,1h,4h,1d"
    """Timeframes of the bars that are collected, with commas between them."""
    trades: bool = True
    """Whether single trades are collected too."""
    start: Literal["today", "now"] = "today"
    """Where a symbol begins of which the streams have nothing yet: with the exchange's day in UTC, or now."""
    state: Path | None = None
    """Folder in which changes of the symbols are remembered; without it they last as long as the process."""
    exchange_url: str = "https://data-api.binance.vision"
    """Binance's REST interface, or that of a local exchange."""
    stream_url: str = "wss://data-stream.binance.vision"
    """Binance's WebSocket streams, or those of a local exchange."""
    weight: Annotated[int, Field(ge=50, le=1_000_000)] = 4_800
    """The most weight of REST requests in a minute; Binance allows an address 6,000."""
    room: Annotated[int, Field(ge=1_000, le=10_000_000)] = 100_000
    """Messages of a topic that wait to be published; beyond they are dropped, and asked for again afterwards."""
    waiting: Annotated[int, Field(ge=1_000, le=1_000_000)] = 10_000
    """Trades of a symbol that wait for those before them; beyond they are dropped, and asked for again."""
    quiet: Annotated[float, Field(ge=0.1, le=3_600)] = 30.0
    """Seconds without a trade of a symbol after which the exchange is asked whether there was one."""
    silence: Annotated[float, Field(ge=0.5, le=3_600)] = 60.0
    """Seconds without any message after which a connection is replaced."""
    renewal: Annotated[float, Field(ge=1, le=86_400)] = 82_800.0
    """Seconds after which a connection is replaced before the exchange cuts it."""
    reconnect: Annotated[float, Field(ge=0.1, le=600)] = 10.0
    """Seconds that a pause between two attempts to connect may take; pauses double up to it, and are drawn at random."""
    measure: Annotated[float, Field(ge=0.1, le=3_600)] = 30.0
    """Seconds between two measurements of the exchange's clock."""
    keepalive: Annotated[float, Field(ge=0.1, le=600)] = 20.0
    """Seconds between two pings, and the time that the exchange has to answer."""
