"""Markets as paths of files, and the markets that somebody may have meant."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import unquote

from tidewright.domain.bars import Market
from tidewright.domain.timeframe import TIMEFRAMES, milliseconds

_LONGEST = 80


def file_path(market: Market) -> Path:
    """``binance/BTC-USDT/1h``: a symbol's slash is a hyphen there, and whatever a file name cannot hold or would confuse is ``%XX``.

    Raises ValueError for a name that no market has: empty, too long, made of dots, or with a backslash.
    """
    for part in (market.exchange, market.timeframe, *market.symbol.split("/")):
        if not 0 < len(part) <= _LONGEST or not part.strip(".") or "/" in part or "\\" in part:
            raise ValueError(
                f"{part!r} in {market} names no exchange, symbol or timeframe; write them as in BTC/USDT 1h on binance"
            )
    symbol = "-".join(_quoted(part, "._") for part in market.symbol.split("/"))
    return Path(_quoted(market.exchange, "._-"), symbol, _quoted(market.timeframe, "._-"))


def market_at(path: Path) -> Market:
    """The market that `file_path` made the end of `path` of, less the suffix."""
    exchange, symbol, timeframe = path.with_suffix("").parts[-3:]
    return Market(unquote(exchange), unquote(symbol.replace("-", "/")), unquote(timeframe))


def by_name(market: Market) -> tuple[str, str, int]:
    """The order in which markets are listed: by exchange, symbol and length of the timeframe."""
    known = market.timeframe in TIMEFRAMES
    return market.exchange, market.symbol, milliseconds(market.timeframe) if known else 0


def suggestion(market: Market, known: Iterable[Market]) -> str:
    """``; the nearest are ...`` or nothing."""
    near = get_close_matches(str(market), map(str, known), n=3, cutoff=0.6)
    return f"; the nearest are {', '.join(near)}" if near else ""


def _quoted(part: str, kept: str) -> str:
    return re.sub(rf"[^A-Za-z0-9{kept}]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), part)
