"""What there is to ask for: the built-in strategies, and the bars in the store."""

from typing import Any

from tidewright.domain.instant import utc
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import BarStore, StoredMarket


def described_strategies() -> list[dict[str, Any]]:
    """The built-in strategies with what they can be tuned by, as JSON values."""
    return [
        {
            "name": name,
            "description": getattr(strategy, "description", ""),
            "parameters": [
                {
                    "name": one.name,
                    "type": one.kind,
                    "default": one.default,
                    "min": one.low,
                    "max": one.high,
                    "step": one.step,
                    "choices": list(one.choices),
                    "description": one.description,
                }
                for one in strategy.parameters
            ],
        }
        for name, strategy in BUILTINS.items()
    ]


def described_symbols(store: BarStore, exchange: str = "", symbol: str = "") -> list[dict[str, Any]]:
    """What the store holds of every market, or of those of one exchange or symbol, as JSON values; `to` is when the last bar closes."""
    return [
        _described(one)
        for one in store.markets()
        if exchange in {"", one.market.exchange} and symbol in {"", one.market.symbol}
    ]


def _described(one: StoredMarket) -> dict[str, Any]:
    close = one.last + milliseconds(one.market.timeframe)
    known = not one.damage
    return {
        **one.market._asdict(),
        "from": utc(one.first) if known else None,
        "to": utc(close) if known else None,
        "bars": one.count,
        "gaps": one.gaps,
        "absent": [{"from": utc(stretch.start), "to": utc(stretch.end)} for stretch in one.absent],
        "simulated": one.simulated,
        "digest": one.digest,
        "problem": one.damage,
    }
