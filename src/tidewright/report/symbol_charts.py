"""The charts of an account with several symbols. `tidewright.report.charts` names them."""

from collections.abc import Mapping

import numpy as np

from tidewright.domain.bars import Floats
from tidewright.report import format as fmt
from tidewright.report import series
from tidewright.report.document import Document, initial, part, ratio
from tidewright.report.options import POINTS, Columns, Option, axis, base, dataset, grid, line, over_time
from tidewright.report.symbols import traded, weightiest
from tidewright.report.trade_charts import MARKED_TRADES, priced
from tidewright.specs.quantities import epoch_milliseconds

OFFERED = 20
"""Of how many symbols the price can be looked at, at most: those that moved the account most."""

_PRICE_POINTS, _MARKS = 20_000, 4_000
"""How many points and trades the prices of all offered symbols have together, at most."""

_COLOURS = ("var(--strategy)", *(f"var(--hue-{hue})" for hue in range(1, 7)))

DRAWN = len(_COLOURS)
"""How many symbols are drawn each for itself, at most: those that moved the account most; the others are drawn together."""


def _drawn(equity: Columns, values: Mapping[str, Floats]) -> list[tuple[str, str, Floats]]:
    """Name, colour and values of each line or area, from the values of all symbols."""
    chosen = weightiest(equity, DRAWN)
    others = [values[name] for name in values if name not in chosen]
    drawn = [(name, colour, values[name]) for name, colour in zip(chosen, _COLOURS, strict=False)]
    if others:
        drawn.append((f"{len(others)} others", "var(--benchmark)", np.sum(others, axis=0)))
    return drawn


def contribution(equity: Columns, _: Columns, document: Document) -> Option | None:
    names, cash = traded(equity), initial(document)
    if not names or not len(equity["time"]):
        return None
    account = np.asarray(equity["equity"])
    start = account[0] if cash is None else cash
    gains = {name: equity[f"gain:{name}"] / start for name in names}
    drawn = [*_drawn(equity, gains), ("All", "var(--ink)", account / start - 1.0)]
    kept = series.extremes(POINTS // 2, *(values for *_, values in drawn))
    ends = ", ".join(f"{name} {fmt.percent(float(values[-1]), plus=True)}" for name, _, values in drawn)
    option = over_time(base(f"What each symbol has added to the account. At the end: {ends}."), panels=1)
    option["dataset"] = dataset(
        equity["time"][kept], {f"g{i}": values[kept] for i, (*_, values) in enumerate(drawn)}, digits=5
    )
    option["grid"] = [grid(44, 302)]
    option["yAxis"] = [axis("value", formatter="@share")]
    option["series"] = [
        line(name, f"g{i}", colour, "@percent", lineStyle={"width": 1.4, "color": colour})
        for i, (name, colour, _) in enumerate(drawn)
    ]
    option["series"][-1]["lineStyle"] |= {"width": 1.8, "type": "dashed"}
    return option


def exposure_by_symbol(equity: Columns, _: Columns, document: Document) -> Option | None:
    names = traded(equity)
    if not names or not len(equity["time"]):
        return None
    stretches = series.stretches(equity["time"])
    shares = {name: _share_of_equity(equity, name) for name in names}
    gross = stretches.means(np.sum([np.abs(share) for share in shares.values()], axis=0))
    drawn = [(name, colour, stretches.means(share)) for name, colour, share in _drawn(equity, shares)]
    short = np.sum([np.minimum(share, 0.0) for *_, share in drawn], axis=0)
    count = np.sum([equity[f"holding:{name}"] != 0.0 for name in names], axis=0).astype(np.float64)
    most, at_once = stretches.highest(count), part(document, "spec", "strategy", "risk", "maxOpenPositions")
    limits = _limits(document, float(gross.max()))

    option = over_time(
        base(
            f"Value of the positions as a share of equity, by symbol, {fmt.percent(float(gross.mean()))} on average; "
            f"and how many were open, {fmt.count(most.max())} at most."
        ),
        panels=2,
    )
    columns = {f"s{i}": share for i, (*_, share) in enumerate(drawn)}
    option["dataset"] = dataset(stretches.time, columns | {"gross": gross, "open": most}, digits=4)
    option["grid"] = [grid(50, 190), grid(276, 70)]
    option["yAxis"] = [
        axis("value", formatter="@share", name="Share of equity")
        | _ends(float(short.min()), max([float(gross.max()), *limits.values()])),
        axis("value", grid=1, name="Open positions", splitNumber=2, minInterval=1, min=0),
    ]
    upper = [_area(name, f"s{i}", colour) for i, (name, colour, _) in enumerate(drawn)]
    upper[0]["markLine"] = _mark_lines({f"{fmt.percent(at, 0)} {words}": at for words, at in limits.items()})
    if short.any():
        thin = {"width": 0.8, "color": "var(--ink)"}
        upper.append(line("Long and short", "gross", "var(--ink)", "@percent", step="end", lineStyle=thin))
    lower = line("Open positions", "open", "var(--ink-2)", "@compact", panel=1, step="end")
    if fmt.defined(at_once) and at_once < len(names):
        lower["markLine"] = _mark_lines({f"{at_once} at a time": at_once})
    option["legend"]["data"] = [one["name"] for one in upper]
    option["series"] = [*upper, lower]
    return option


def _share_of_equity(equity: Columns, symbol: str) -> Floats:
    """Value of a position as a share of equity; zero where there is none, before the first bar, or no equity."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = equity[f"holding:{symbol}"] * equity[f"close:{symbol}"] / equity["equity"]
    return np.nan_to_num(share, nan=0.0, posinf=0.0, neginf=0.0)


def _area(name: str, y: str, colour: str) -> Option:
    return line(
        name, y, colour, "@percent", step="end", stack="exposure",
        lineStyle={"width": 0.5, "color": colour}, areaStyle={"color": colour, "opacity": 0.45},
    )  # fmt: skip


def _limits(document: Document, highest: float) -> dict[str, float]:
    """The limits of exposure that are set, but for those far above all that there was."""
    risk = part(document, "spec", "strategy", "risk") or {}
    said = {"in one symbol": ratio(risk.get("maxSymbolExposure")), "in all": ratio(risk.get("maxTotalExposure"))}
    return {words: at for words, at in said.items() if at is not None and at <= max(1.0, 2 * highest)}


def _ends(low: float, high: float) -> Option:
    """Where an axis ends so that a line at its highest value has room, and how far apart its marks are."""
    interval = series.round_width(max(1.05 * high - low, 0.1) / 5)
    return {
        "min": float(np.floor(low / interval) * interval),
        "max": float(np.ceil(1.05 * high / interval) * interval),
        "interval": interval,
    }


_LABEL: Option = {"color": "var(--ink)", "fontSize": 11, "textBorderColor": "var(--paper)", "textBorderWidth": 3}


def _mark_lines(labels: Mapping[str, float]) -> Option:
    return {
        "silent": True, "symbol": "none", "lineStyle": {"color": "var(--ink-2)", "width": 1, "type": "dashed"},
        "data": [
            {"yAxis": at, "label": {"formatter": f"At most {words}", "position": "insideEndTop"} | _LABEL}
            for words, at in labels.items()
        ],
    }  # fmt: skip


def offered(equity: Columns) -> list[str]:
    """The symbols whose price can be looked at, that which moved the account most first."""
    first = weightiest(equity, 1)
    return first + [name for name in weightiest(equity, OFFERED) if name not in first]


def on_price_by_symbol(equity: Columns, trades: Columns, document: Document) -> Option | None:
    """Of the first symbol that is offered."""
    return next((on_price_of(name, equity, trades, document) for name in offered(equity)), None)


def on_price_of(symbol: str, equity: Columns, trades: Columns, document: Document) -> Option | None:
    """One symbol's price, from its first bar to its last, with its trades."""
    end = part(document, "provenance", "data", "symbols", symbol, "end")
    close = equity[f"close:{symbol}"]
    there = np.isfinite(close) & (equity["time"] < (np.inf if end is None else epoch_milliseconds(end)))
    own = trades.get("symbol", np.empty(0)) == symbol
    count = len(offered(equity))
    return priced(
        {"time": equity["time"][there], "close": close[there]},
        {name: values[own] for name, values in trades.items()},
        min(POINTS, _PRICE_POINTS // count),
        min(MARKED_TRADES, _MARKS // count),
        f"Price of {symbol}",
    )
