"""Small recordings of Binance's streams, written down."""

import json
from pathlib import Path

FIRST = 1_723_161_600_000  # 2024-08-09


def message(kind: str, symbol: str = "BTCUSDT", **data: object) -> str:
    """One of a combined stream, as Binance writes it."""
    return json.dumps({"stream": f"{symbol.lower()}@{kind}", "data": data}, separators=(",", ":"))


def trade(
    number: int,
    time: int,
    price: str = "100.00",
    quantity: str = "1.00000",
    *,
    maker: bool = False,
    symbol: str = "BTCUSDT",
) -> str:
    """`time` in milliseconds after FIRST."""
    decimals = (f"{whole}.{part:0<8}" for whole, _, part in (price.partition("."), quantity.partition(".")))
    fields = dict(zip("pq", decimals, strict=True))
    return message(
        "trade", symbol, e="trade", E=FIRST + time + 1, s=symbol, t=number, **fields, T=FIRST + time, m=maker, M=True
    )


def ticker(update: int, bid: str, ask: str, symbol: str = "BTCUSDT") -> str:
    return message("bookTicker", symbol, u=update, s=symbol, b=bid, B="1.00000000", a=ask, A="2.00000000")


def change(first: int, last: int, bids: list[list[str]], asks: list[list[str]], symbol: str = "BTCUSDT") -> str:
    return message("depth@100ms", symbol, e="depthUpdate", E=FIRST, s=symbol, U=first, u=last, b=bids, a=asks)


def record(path: Path, *lines: tuple[int, str]) -> Path:
    """A recording of messages that were received so many milliseconds after FIRST, by a clock that is a second behind."""
    path.write_text("".join(f"{(FIRST + time - 1_000) * 1_000_000} {text}\n" for time, text in lines), encoding="utf-8")
    return path
