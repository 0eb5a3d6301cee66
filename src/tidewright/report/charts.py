"""The report's charts as ECharts options: plain dictionaries that become JSON, made by pure functions.

What their strings mean to `report.js` is in `tidewright.report.options`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tidewright.report import format as fmt
from tidewright.report import series
from tidewright.report.options import FAINT, POINTS, Columns, Option, axis, base, column, grid, line, numbers, over_time
from tidewright.report.trade_charts import excursions, on_price, results

WINDOW_DAYS = 90
"""The moving window of rolling figures."""


def figure(name: str, equity: Columns, trades: Columns, initial: float | None = None) -> Option | None:
    """The ECharts option of one of `FIGURES`, or None where the run has nothing to draw there.

    `equity` and `trades` are the columns of the run's tables; `initial` is the account before the first bar, where it is known.
    Raises KeyError for another name.
    """
    return FIGURES[name].build(equity, trades, initial)


def _equity(equity: Columns, _: Columns, initial: float | None) -> Option | None:
    account, market = column(equity, "equity"), column(equity, "benchmark")
    if account is None:
        return None
    named = {"equity": account, "drawdown": series.drawdown(account, initial)}
    if market is not None:
        named |= {"benchmark": market, "benchmarkDrawdown": series.drawdown(market, initial)}
    kept = series.extremes(POINTS, *named.values())
    time, worst = equity["time"], series.deepest(named["drawdown"])

    option = over_time(
        base(
            f"Account value and drawdown from {fmt.date(time[0].item())} to {fmt.date(time[-1].item())}: "
            f"from {fmt.number(initial or account[0])} to {fmt.number(account[-1])}, "
            f"deepest drawdown {fmt.percent(float(np.nanmin(named['drawdown'])))}."
        ),
        panels=2,
    )
    option["legend"]["data"] = ["Strategy", "Buy and hold"] if market is not None else ["Strategy"]
    option["dataset"] = {
        "source": {"time": time[kept].tolist()} | {name: numbers(values[kept]) for name, values in named.items()}
    }
    option["grid"] = [grid(34, 236), grid(290, 96)]
    option["yAxis"] = [
        axis("value", formatter="@compact", scale=True),
        axis("value", grid=1, formatter="@share", max=0, splitNumber=3),
    ]
    main = line("Strategy", "equity", "var(--strategy)", "@money", lineStyle={"width": 1.8, "color": "var(--strategy)"})
    below = line(
        "Strategy",
        "drawdown",
        "var(--strategy)",
        "@percent",
        panel=1,
        areaStyle={"color": "var(--strategy)", "opacity": 0.18},
    )
    if worst is not None:
        span = [{"xAxis": time[worst.peak].item()}, {"xAxis": time[worst.recovery].item()}]
        main["markArea"] = {"silent": True, "itemStyle": {"color": "var(--wash)"}, "data": [span]}
        depth = float(named["drawdown"][worst.trough])
        below["markPoint"] = {
            "silent": True, "symbol": "circle", "symbolSize": 7, "itemStyle": {"color": "var(--loss)"},
            "label": {
                "position": "bottom", "color": "var(--ink)", "fontSize": 11, "formatter": fmt.percent(depth),
                "textBorderColor": "var(--paper)", "textBorderWidth": 3,
            },
            "data": [{"coord": [time[worst.trough].item(), depth]}],
        }  # fmt: skip
    option["series"] = [main, below]
    if market is not None:
        colour = "var(--benchmark)"
        option["series"][1:1] = [line("Buy and hold", "benchmark", colour, "@money")]
        option["series"].append(line("Buy and hold", "benchmarkDrawdown", colour, "@percent", panel=1))
    return option


def _rolling(equity: Columns, _: Columns, __: float | None) -> Option | None:
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
    option["dataset"] = {
        "source": {"time": own.time[kept].tolist()} | {name: numbers(values[kept], 4) for name, values in named.items()}
    }
    option["grid"] = [grid(50, 150), grid(236, 110)]
    option["yAxis"] = [
        axis("value", formatter="@compact", name="Sharpe ratio", splitNumber=4),
        axis("value", grid=1, formatter="@share", name="Volatility", splitNumber=3),
    ]
    zero = {
        "silent": True, "symbol": "none", "label": {"show": False}, "data": [{"yAxis": 0}],
        "lineStyle": {"color": FAINT, "type": "solid", "width": 1},
    }  # fmt: skip
    option["series"] = [
        line("Strategy", "sharpe", "var(--strategy)", "@number", markLine=zero),
        line("Strategy", "volatility", "var(--strategy)", "@percent", panel=1),
    ]
    if market is not None:
        option["series"] += [
            line("Buy and hold", "benchmarkSharpe", "var(--benchmark)", "@number"),
            line("Buy and hold", "benchmarkVolatility", "var(--benchmark)", "@percent", panel=1),
        ]
    return option


def _exposure(equity: Columns, _: Columns, __: float | None) -> Option | None:
    account, holding, close = (column(equity, name) for name in ("equity", "holding", "close"))
    if account is None or holding is None or close is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(holding * close / account, nan=0.0, posinf=0.0, neginf=0.0)
    time, mean = series.averages(equity["time"], share)
    option = over_time(
        base(
            f"Position value as a share of equity over time, {fmt.percent(float(share.mean()))} on average.",
            legend=False,
        ),
        panels=1,
        slider=False,
    )
    option["dataset"] = {"source": {"time": time.tolist(), "exposure": numbers(mean, 3)}}
    option["grid"] = [grid(14, 124)]
    option["yAxis"] = [axis("value", formatter="@share", max=1 if mean.max() <= 1 else None, splitNumber=2)]
    area = {"color": "var(--strategy)", "opacity": 0.25}
    option["series"] = [line("Exposure", "exposure", "var(--strategy)", "@percent", step="end", areaStyle=area)]
    return option


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart by name: how high it is drawn, in CSS pixels, and what builds its option."""

    height: int
    build: Callable[[Columns, Columns, float | None], Option | None]


FIGURES: Mapping[str, Figure] = {
    "equity": Figure(444, _equity),
    "rolling": Figure(404, _rolling),
    "exposure": Figure(168, _exposure),
    "trades": Figure(444, on_price),
    "returns": Figure(300, results),
    "excursions": Figure(300, excursions),
}
"""Every chart, in the order in which the page shows them."""
