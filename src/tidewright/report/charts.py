"""The report's charts as ECharts options: plain dictionaries that become JSON, made by pure functions.

What their strings mean to `report.js` is in `tidewright.report.options`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.report import format as fmt
from tidewright.report import series
from tidewright.report.document import Document, initial
from tidewright.report.options import FAINT, POINTS, Columns, Option, axis, base, column, dataset, grid, line, over_time
from tidewright.report.symbol_charts import contribution, exposure_by_symbol, on_price_by_symbol
from tidewright.report.symbols import traded
from tidewright.report.trade_charts import excursions, on_price, results

WINDOW_DAYS = 90
"""The moving window of rolling figures."""

NOTHING: Document = MappingProxyType({})
"""The record of a run of which nothing but its tables is known."""


def figure(name: str, equity: Columns, trades: Columns, document: Document = NOTHING) -> Option | None:
    """The ECharts option of one of `figures_of`, or None where the run has nothing to draw there.

    `equity` and `trades` are the columns of the run's tables, `document` its record, as far as it is known. Raises ValueError for another name.
    """
    figures = figures_of(equity)
    if name not in figures:
        raise ValueError(f"there is no figure {name!r}; choose one of {', '.join(figures)}")
    return figures[name].build(equity, trades, document)


def _both(panel: int, formatter: str, names: Mapping[str, Floats], own: str, other: str) -> list[Option]:
    """The strategy's line in a panel, and that of buying and holding where it is known."""
    bold = {"width": 1.8, "color": "var(--strategy)"}
    lines = [line("Strategy", own, "var(--strategy)", formatter, panel=panel, lineStyle=bold, z=3)]
    if other in names:
        lines.append(line("Buy and hold", other, "var(--benchmark)", formatter, panel=panel))
    return lines


def _equity(equity: Columns, _: Columns, document: Document) -> Option | None:
    account, market, cash = column(equity, "equity"), column(equity, "benchmark"), initial(document)
    if account is None:
        return None
    time, below = equity["time"], series.drawdown(account, cash)
    named = {"equity": account, "drawdown": below}
    if market is not None:
        named |= {"benchmark": market, "benchmarkDrawdown": series.drawdown(market, cash)}
    kept = series.extremes(POINTS, *named.values())

    option = over_time(
        base(
            f"Account value and drawdown from {fmt.date(time[0].item())} to {fmt.date(time[-1].item())}: "
            f"from {fmt.number(cash or account[0])} to {fmt.number(account[-1])}, "
            f"deepest drawdown {fmt.percent(float(below.min()))}."
        ),
        panels=2,
    )
    option["legend"]["data"] = ["Strategy", "Buy and hold"]
    option["dataset"] = dataset(time[kept], {name: values[kept] for name, values in named.items()}, digits=8)
    option["grid"] = [grid(50, 236), grid(322, 96)]
    option["yAxis"] = [
        axis("value", formatter="@compact", scale=True, name="Account value"),
        axis("value", grid=1, formatter="@share", max=0, splitNumber=3, name="Drawdown"),
    ]
    upper = _both(0, "@money", named, "equity", "benchmark")
    lower = _both(1, "@percent", named, "drawdown", "benchmarkDrawdown")
    lower[0]["areaStyle"] = {"color": "var(--strategy)", "opacity": 0.18}
    option["series"] = [*upper, *lower]
    worst = series.deepest(below)
    if worst is not None:
        _mark(worst, time, float(below[worst.trough]), upper[0], lower[0])
    return option


def _mark(worst: series.Drawdown, time: Integers, depth: float, above: Option, below: Option) -> None:
    """Shades the deepest drawdown on the upper line and names its depth on the lower one."""
    span = [{"xAxis": time[worst.peak].item()}, {"xAxis": time[worst.recovery].item()}]
    above["markArea"] = {"silent": True, "itemStyle": {"color": "var(--wash)"}, "data": [span]}
    below["markPoint"] = {
        "silent": True, "symbol": "circle", "symbolSize": 7, "itemStyle": {"color": "var(--loss)"},
        "label": {
            "position": "bottom", "color": "var(--ink)", "fontSize": 11, "formatter": fmt.percent(depth),
            "textBorderColor": "var(--paper)", "textBorderWidth": 3,
        },
        "data": [{"coord": [time[worst.trough].item(), depth]}],
    }  # fmt: skip


def _rolling(equity: Columns, _: Columns, __: Document) -> Option | None:
    account, market = column(equity, "equity"), column(equity, "benchmark")
    if account is None:
        return None
    own = series.rolling(equity["time"], account, WINDOW_DAYS)
    if len(own.time) == 0:
        return None
    named = {"sharpe": own.sharpe, "volatility": own.volatility}
    if market is not None:
        other = series.rolling(equity["time"], market, WINDOW_DAYS)
        named |= {"benchmarkSharpe": other.sharpe, "benchmarkVolatility": other.volatility}
    kept = series.extremes(POINTS // 2, *named.values())

    option = over_time(
        base(f"Sharpe ratio and volatility over the last {WINDOW_DAYS} days, at the end of every day."), panels=2
    )
    option["legend"]["data"] = ["Strategy", "Buy and hold"]
    option["dataset"] = dataset(own.time[kept], {name: values[kept] for name, values in named.items()}, digits=4)
    option["grid"] = [grid(50, 150), grid(236, 110)]
    option["yAxis"] = [
        axis("value", formatter="@compact", splitNumber=4, name="Sharpe ratio"),
        axis("value", grid=1, formatter="@share", splitNumber=3, name="Volatility"),
    ]
    option["series"] = [
        *_both(0, "@number", named, "sharpe", "benchmarkSharpe"),
        *_both(1, "@percent", named, "volatility", "benchmarkVolatility"),
    ]
    option["series"][0]["markLine"] = {
        "silent": True, "symbol": "none", "label": {"show": False}, "data": [{"yAxis": 0}],
        "lineStyle": {"color": FAINT, "type": "solid", "width": 1},
    }  # fmt: skip
    return option


def _exposure(equity: Columns, _: Columns, __: Document) -> Option | None:
    account, holding, close = (column(equity, name) for name in ("equity", "holding", "close"))
    if account is None or holding is None or close is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(holding * close / account, nan=0.0, posinf=0.0, neginf=0.0)
    stretches = series.stretches(equity["time"])
    mean = stretches.means(share)
    option = over_time(
        base(
            f"Position value as a share of equity over time, {fmt.percent(float(share.mean()))} on average.",
            legend=False,
        ),
        panels=1,
        slider=False,
    )
    option["dataset"] = dataset(stretches.time, {"exposure": mean}, digits=3)
    option["grid"] = [grid(14, 124)]
    option["yAxis"] = [axis("value", formatter="@share", max=1 if mean.max() <= 1 else None, splitNumber=2)]
    area = {"color": "var(--strategy)", "opacity": 0.25}
    option["series"] = [line("Exposure", "exposure", "var(--strategy)", "@percent", step="end", areaStyle=area)]
    return option


def _funding(equity: Columns, _: Columns, __: Document) -> Option | None:
    paid = column(equity, "funding")
    if paid is None:
        return None
    total = np.cumsum(paid)
    kept = series.extremes(POINTS // 2, total)
    option = over_time(
        base(f"Funding paid so far, {fmt.number(total[-1])} in all.", legend=False), panels=1, slider=False
    )
    option["dataset"] = dataset(equity["time"][kept], {"funding": total[kept]}, digits=6)
    option["grid"] = [grid(14, 124)]
    option["yAxis"] = [axis("value", formatter="@compact", splitNumber=2)]
    option["series"] = [line("Funding paid", "funding", "var(--strategy)", "@money", step="end")]
    return option


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart: its title, how high it is drawn, in CSS pixels, and what builds its option."""

    title: str
    height: int
    build: Callable[[Columns, Columns, Document], Option | None]


FIGURES: Mapping[str, Figure] = {
    "equity": Figure("Account value and drawdown", 478, _equity),
    "rolling": Figure("Rolling Sharpe ratio and volatility", 404, _rolling),
    "exposure": Figure("Exposure", 168, _exposure),
    "trades": Figure("Entries and exits on the price", 444, on_price),
    "results": Figure("Distribution of results (number of trades)", 300, results),
    "excursions": Figure("Worst and best price while open", 300, excursions),
    "funding": Figure("Funding paid so far", 168, _funding),
}
"""The charts of an account with one symbol, in the order in which the page shows them."""

PORTFOLIO_FIGURES: Mapping[str, Figure] = {
    "equity": FIGURES["equity"],
    "contribution": Figure("Gain by symbol", 404, contribution),
    "rolling": FIGURES["rolling"],
    "exposure": Figure("Exposure by symbol, and open positions", 404, exposure_by_symbol),
    "trades": replace(FIGURES["trades"], build=on_price_by_symbol),
    **{name: FIGURES[name] for name in ("results", "excursions", "funding")},
}
"""Those of an account with several."""


def figures_of(equity: Columns) -> Mapping[str, Figure]:
    """The charts that a run may have, by what its table of equity tells."""
    return PORTFOLIO_FIGURES if traded(equity) else FIGURES
