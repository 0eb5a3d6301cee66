"""The charts of trades: on the price, by result, by the way there. `tidewright.report.charts` names them."""

from typing import Any

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.report import format as fmt
from tidewright.report import series
from tidewright.report.document import Document
from tidewright.report.options import (
    INK,
    POINTS,
    Columns,
    Option,
    axis,
    base,
    column,
    dataset,
    grid,
    line,
    numbers,
    over_time,
    trade_count,
)

MARKED_TRADES = 500
"""How many trades are drawn, at most: those with the largest results."""

OVERLAYS = 6
"""How many of a strategy's columns are drawn, at most."""

_OVERLAY_COLOURS = ("var(--hue-1)", "var(--hue-2)", "var(--hue-3)", "var(--hue-4)", "var(--hue-5)", "var(--hue-6)")


def _on_price_scale(values: Floats, close: Floats) -> bool:
    """Whether a strategy's column may be drawn over the price: it lies within half and double the price almost always."""
    known = np.isfinite(values)
    if not known.any():
        return False
    share = values[known] / close[known]
    return bool(np.mean((share > 0.5) & (share < 2.0)) > 0.9)


def _drawn_columns(equity: Columns, close: Floats) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """A strategy's numeric columns: those on the scale of the price, and the others."""
    on: dict[str, Floats] = {}
    off: dict[str, Floats] = {}
    for key, values in equity.items():
        if key.startswith("column:") and values.dtype.kind == "f" and len(on) + len(off) < OVERLAYS:
            name = key.removeprefix("column:")
            (on if _on_price_scale(values, close) else off)[name] = np.asarray(values, dtype=np.float64)
    return on, off


_MARKERS = (
    ("long", "Long entry", "triangle", 0, "var(--ink)", "@entry"),
    ("short", "Short entry", "triangle", 180, "var(--ink-2)", "@entry"),
    ("profit", "Exit with profit", "circle", 0, "var(--gain)", "@exit"),
    ("loss", "Exit with loss", "diamond", 0, "var(--loss)", "@exit"),
)


def _markers(trades: Columns, most: int) -> list[Option]:
    """Entries by direction and exits by outcome, as scatter series; shape as well as colour tells them apart."""
    if trade_count(trades) == 0:
        return []
    chosen = series.largest(np.nan_to_num(trades["netReturn"]), most)
    plain = {
        name: trades[name][chosen].tolist() for name in ("entryTime", "exitTime", "direction", "barsHeld", "reason")
    }
    plain |= {
        name: numbers(trades[name][chosen], 8) for name in ("entryPrice", "quantity", "exitPrice", "netReturn", "pnl")
    }
    points: dict[str, list[list[Any]]] = {key: [] for key, *_ in _MARKERS}
    for trade in zip(*plain.values(), strict=True):
        entered, left, direction, held, reason, price, quantity, exit_price, gain, pnl = trade
        points["long" if direction > 0 else "short"].append([entered, price, quantity])
        points["profit" if (pnl or 0) > 0 else "loss"].append([left, exit_price, gain, pnl, held, str(reason)])
    return [
        {
            "type": "scatter", "name": title, "symbol": symbol, "symbolRotate": rotation, "symbolSize": 8 if len(chosen) < 150 else 6, "z": 5,
            "itemStyle": {"color": colour, "borderColor": "var(--paper)", "borderWidth": 0.8},
            "emphasis": {"disabled": True}, "tooltip": {"trigger": "item", "formatter": formatter}, "data": points[key],
        }
        for key, title, symbol, rotation, colour, formatter in _MARKERS
        if points[key]
    ]  # fmt: skip


def on_price(equity: Columns, trades: Columns, _: Document) -> Option | None:
    return priced(equity, trades)


def priced(
    equity: Columns, trades: Columns, points: int = POINTS, most: int = MARKED_TRADES, title: str = "Price"
) -> Option | None:
    """The close as a line of at most about so many `points`, and on it the `most` trades with the largest results."""
    close = column(equity, "close")
    if close is None:
        return None
    on, off = _drawn_columns(equity, close)
    drawn = [close, *on.values(), *off.values()]
    markers = _markers(trades, most)
    kept = _kept_points(equity["time"], drawn, markers, points)

    panels, count = 2 if off else 1, trade_count(trades)
    option = over_time(base(f"{title} with the entries and exits of {min(count, most)} of {count} trades."), panels)
    option["dataset"] = dataset(
        equity["time"][kept], {f"c{i}": values[kept] for i, values in enumerate(drawn)}, digits=8
    )
    option["grid"] = [grid(34, 250 if off else 330), grid(312, 80)][:panels]
    option["yAxis"] = [
        axis("value", formatter="@compact", scale=True),
        axis("value", grid=1, scale=True, splitNumber=2),
    ][:panels]
    option["series"] = [line("Close", "c0", "var(--benchmark)", "@price")]
    for index, (name, colour) in enumerate(zip((*on, *off), _OVERLAY_COLOURS, strict=False), 1):
        thin = {"width": 1, "color": colour}
        option["series"].append(line(name, f"c{index}", colour, "@price", panel=int(index > len(on)), lineStyle=thin))
    option["series"] += markers
    # Columns below the price may be of different sizes: one is shown, the legend adds the others.
    option["legend"]["selected"] = {name: index == 0 for index, name in enumerate(off)}
    return option


def _kept_points(time: Integers, drawn: list[Floats], markers: list[Option], points: int) -> Integers:
    """The extremes of all lines, and every bar with a marked fill, so that a marker lies on the price."""
    fills = [point[0] for group in markers for point in group["data"]]
    bars = np.clip(np.searchsorted(time, np.array(fills, np.int64)), 0, len(time) - 1)
    return np.union1d(series.extremes(points, *drawn), bars)


def _below(name: str) -> Option:
    """An axis name in the middle below the axis."""
    return {"name": name, "nameLocation": "middle", "nameGap": 28, "nameTextStyle": {"color": INK, "fontSize": 11}}


def results(_: Columns, trades: Columns, __: Document) -> Option | None:
    values = column(trades, "netReturn")
    if values is None:
        return None
    values = values[np.isfinite(values)]
    shape = series.histogram(values)
    if len(shape.counts) == 0:
        return None
    mean, median = float(values.mean()), float(np.median(values))
    option = base(
        f"Distribution of {len(values)} trade results: mean {fmt.percent(mean)}, median {fmt.percent(median)}.",
        legend=False,
    )
    option["grid"] = [grid(44, 204) | {"right": 24}]
    low, high = float(shape.centres[0] - shape.width / 2), float(shape.centres[-1] + shape.width / 2)
    option["xAxis"] = [axis("value", formatter="@share", min=low, max=high)]
    option["xAxis"][0] |= _below("Net result of a trade") | {"splitLine": {"show": False}}
    option["yAxis"] = [axis("value", minInterval=1)]
    option["tooltip"] |= {"trigger": "item", "formatter": "@bin"}

    def mark(name: str, value: float, side: str) -> Option:
        label = {
            "formatter": f"{name} {fmt.percent(value, plus=True)}",
            "position": "end",
            "align": side,
            "distance": [0, 12],
        }
        return {
            "xAxis": min(max(value, low), high),
            "label": label | {"color": "var(--ink)", "fontSize": 11, "padding": [0, 5]},
        }

    sides = ("left", "right") if mean >= median else ("right", "left")
    option["series"] = [
        {
            "type": "bar", "barCategoryGap": "6%", "barGap": "-100%", "emphasis": {"disabled": True},
            "data": [
                {"value": [round(x, 9), n, shape.width], "itemStyle": {"color": "var(--gain)" if x > 0 else "var(--loss)"}}
                for x, n in zip(shape.centres.tolist(), shape.counts.tolist(), strict=True)
            ],
            "markLine": {
                "silent": True, "symbol": "none", "lineStyle": {"color": "var(--ink)", "width": 1.2, "type": "dashed"},
                "data": [mark("Mean", mean, sides[0]), mark("Median", median, sides[1])],
            },
        }
    ]  # fmt: skip
    return option


def excursions(_: Columns, trades: Columns, __: Document) -> Option | None:
    adverse, favourable, pnl = (column(trades, name) for name in ("adverse", "favourable", "pnl"))
    if adverse is None or favourable is None or pnl is None:
        return None
    chosen = series.largest(np.nan_to_num(pnl), 2 * MARKED_TRADES)
    points = list(zip(numbers(adverse[chosen], 4), numbers(favourable[chosen], 4), strict=True))
    won = (pnl[chosen] > 0).tolist()
    option = base("Each trade by the worst and the best price while it was open, relative to its entry.")
    option["grid"] = [grid(44, 204) | {"right": 24}]
    option["xAxis"] = [axis("value", formatter="@share", max=0) | _below("Worst price while open")]
    option["yAxis"] = [axis("value", formatter="@share", min=0, name="Best price while open")]
    option["yAxis"][0]["axisLine"]["onZero"] = False
    option["tooltip"] |= {"trigger": "item"}
    option["series"] = [
        {
            "type": "scatter", "name": name, "symbol": symbol, "symbolSize": 6, "emphasis": {"disabled": True},
            "itemStyle": {"color": colour, "opacity": 0.55}, "tooltip": {"formatter": "@excursion"},
            "data": [list(point) for point, gain in zip(points, won, strict=True) if gain == wanted],
        }
        for name, symbol, colour, wanted in (
            ("Profit", "circle", "var(--gain)", True),
            ("Loss", "diamond", "var(--loss)", False),
        )
    ]  # fmt: skip
    return option
