"""A run's ``result.json`` as the page reads it. Whatever is missing in it is None or empty, never an error."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from tidewright.report import format as fmt

Json: TypeAlias = Any
"""A value as it comes out of JSON."""

Document: TypeAlias = Mapping[str, Json]

NAMED = 4
"""Of how many symbols the names are told in a sentence, at most."""


def part(document: Json, *path: str) -> Json:
    """The value at a path of keys, None where there is none."""
    for key in path:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document


def symbols(document: Document) -> list[str]:
    """The symbols of the run."""
    several = part(document, "provenance", "data", "symbols")
    alone = part(document, "provenance", "data", "symbol")
    named = several or ([alone] if alone else part(document, "spec", "strategy", "symbols") or [])
    return [str(name) for name in named]


def named(names: list[str]) -> str:
    """``BTC/USDT, ETH/USDT``, or ``12 symbols`` where they are too many for a sentence."""
    return ", ".join(names) if len(names) <= NAMED else f"{len(names)} symbols"


def currency(document: Document) -> str:
    """The quote currency of the run's symbols, empty where it is unknown."""
    return next(iter(symbols(document)), "").partition("/")[2].partition(":")[0]


def initial(document: Document) -> float | None:
    """The account before the first bar, where it is known."""
    cash = part(document, "spec", "broker", "cash")
    return float(cash) if fmt.defined(cash) else None


def ratio(text: object) -> float | None:
    """A percent string of the spec as a ratio."""
    try:
        return float(str(text).removesuffix("%")) / 100
    except ValueError:
        return None
