"""What an archive takes: bars and trades that can be kept and found again under their names and times."""

import numpy as np

from tidewright.adapters.market_names import file_path
from tidewright.domain.bars import Bars, Integers, Market
from tidewright.domain.instant import utc
from tidewright.domain.tape import Tape
from tidewright.domain.timeframe import TIMEFRAMES, milliseconds
from tidewright.ports import ArchiveRefused

EARLIEST, LATEST = 0, 4_102_444_800_000
"""What is kept happened in [1970-01-01, 2100-01-01), milliseconds since the epoch: any other time is of another unit, or none."""


def check_bars(bars: Bars) -> None:
    """Raises ArchiveRefused; prices and volumes are not looked at."""
    market = bars.market
    check_name(market)
    if market.timeframe not in TIMEFRAMES or bars.step != milliseconds(market.timeframe):
        raise ArchiveRefused(f"{market}: a timeframe is one of {', '.join(TIMEFRAMES)} and as long as its bars are")
    _check_times(f"a bar of {market}", bars.time)


def check_tape(exchange: str, symbol: str, tape: Tape) -> None:
    """Raises ArchiveRefused; prices and quantities are not looked at."""
    check_name(Market(exchange, symbol, "tape"))
    _check_times(f"a trade of {symbol} on {exchange}", tape.time)


def check_name(market: Market) -> None:
    """Raises ArchiveRefused for a name that no market has."""
    try:
        file_path(market)
    except ValueError as error:
        raise ArchiveRefused(str(error)) from None
    if any("\0" in part for part in market):
        raise ArchiveRefused(f"{market!r}: a name has no NUL in it; write it as in BTC/USDT 1h on binance")


def _check_times(what: str, times: Integers) -> None:
    outside = np.flatnonzero((times < EARLIEST) | (times >= LATEST))
    if len(outside):
        raise ArchiveRefused(
            f"{what} has the time {int(times[outside[0]])}, which is not in {utc(EARLIEST)[:4]} to {utc(LATEST - 1)[:4]}; "
            "give milliseconds since the epoch"
        )
