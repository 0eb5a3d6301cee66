"""What the page says of an account with several symbols: which they are, what each did for the account, how they moved together.

`document` is a run's ``result.json``, `equity` the columns of its table. Whatever is missing in them is a dash, never an error.
"""

from dataclasses import dataclass

import numpy as np

from tidewright.report import format as fmt
from tidewright.report.document import Document, currency, part, symbols
from tidewright.report.options import Columns

CORRELATED = 15
"""Of how many symbols the correlations are shown, at most: those that moved the account most."""

_GAIN = "gain:"


def traded(equity: Columns) -> list[str]:
    """The symbols of an account that has several, in their order; none where there is one."""
    return [name.removeprefix(_GAIN) for name in equity if name.startswith(_GAIN)]


def weightiest(equity: Columns, limit: int) -> list[str]:
    """In their order, those symbols that brought or cost the account most over the run; none where it has no bars."""
    names = traded(equity) if len(equity["time"]) else []
    final = np.array([abs(equity[_GAIN + name][-1]) for name in names])
    return [names[index] for index in sorted(np.argsort(-final, kind="stable")[:limit].tolist())]


@dataclass(frozen=True, slots=True)
class SymbolRow:
    """One line of the table of contributions."""

    symbol: str
    cells: tuple[str, ...]
    sign: str = ""


def contributions(document: Document) -> list[SymbolRow]:
    """What each symbol did for the account, the largest gain first, and what they did together; nothing where there is one symbol."""
    found = [one for one in part(document, "symbols") or [] if isinstance(one, dict)]
    if not found:
        return []
    listed = part(document, "provenance", "data", "symbols") or {}
    rows = sorted(found, key=lambda one: -(one["gain"] if fmt.defined(one.get("gain")) else 0.0))
    result, cash = part(document, "result") or {}, part(document, "spec", "broker", "cash")
    final = result.get("finalEquity")
    together = {
        **{name: result.get(name) for name in ("fees", "exposure", "trades", "winRate")},
        "gain": final - cash if fmt.defined(final) and fmt.defined(cash) else None,
        "contribution": result.get("totalReturn"),
        "refused": sum((part(document, "refused") or {}).values()),
    }
    return [
        *(_row(str(one.get("symbol")), one, part(listed, str(one.get("symbol"))) or {}) for one in rows),
        _row("All", together, part(document, "provenance", "data") or {}),
    ]


def _row(symbol: str, one: Document, data: Document) -> SymbolRow:
    gain = one.get("gain")
    sign = "" if not fmt.defined(gain) or gain == 0 else "gain" if gain > 0 else "loss"
    until = f"{fmt.moment(data.get('end'))[:10]}{', delisted' if data.get('delisted') else ''}"
    cells = (
        fmt.number(gain, plus=True),
        fmt.percent(one.get("contribution"), plus=True),
        fmt.number(one.get("fees")),
        fmt.percent(one.get("exposure")),
        fmt.count(one.get("trades")),
        fmt.percent(one.get("winRate")),
        fmt.count(one.get("refused")),
        fmt.moment(data.get("start"))[:10],
        until,
    )
    return SymbolRow(symbol, cells, sign)


def headings(document: Document) -> list[str]:
    """Of the cells of `contributions`."""
    money = currency(document)
    return [
        f"Gain ({money})" if money else "Gain",
        "Contribution",
        "Fees",
        "Exposure",
        "Trades",
        "Win rate",
        "Refused",
        "From",
        "Until",
    ]


@dataclass(frozen=True, slots=True)
class Correlation:
    """A coefficient as text, its size as the strength of a colour, and its sign as a word for a style."""

    text: str
    heat: float = 0.0
    sign: str = ""


def correlations(document: Document, equity: Columns) -> list[tuple[str, str, list[Correlation]]]:
    """Each symbol in full and short, with the correlations of its returns; nothing where there is one symbol."""
    matrix, names = part(document, "correlation") or [], symbols(document)
    if len(matrix) != len(names):
        return []
    shown = set(weightiest(equity, CORRELATED))
    kept = [index for index, name in enumerate(names) if name in shown]
    short = [name.partition("/")[0] for name in names]
    return [
        (
            names[i],
            short[i] if short.count(short[i]) == 1 else names[i],
            [_correlation(matrix[i][j], alone=i == j) for j in kept],
        )
        for i in kept
    ]


def _correlation(value: object, *, alone: bool) -> Correlation:
    if alone or not fmt.defined(value):
        return Correlation(fmt.DASH)
    return Correlation(fmt.number(value), abs(value), "gain" if value > 0 else "loss" if value < 0 else "")


def sources(document: Document) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Headings, and each symbol with what is known of its data; nothing where there is one symbol."""
    data = part(document, "provenance", "data", "symbols") or {}
    facts = {"Bars": ("bars",), "Warm-up bars": ("warmupBars",), "Funding rates": ("funding", "count")}
    known = {title: path for title, path in facts.items() if any(part(one, *path) is not None for one in data.values())}
    rows = [
        (name, [*(fmt.count(part(one, *path)) for path in known.values()), fmt.text(part(one, "digest"))])
        for name, one in data.items()
    ]
    return [*known, "Digest"], rows
