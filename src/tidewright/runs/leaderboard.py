"""Runs side by side: which did better over the time that they share, by how much more than chance, and in what they differ."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from tidewright.domain.bars import Floats, Integers
from tidewright.domain.bootstrap import MINIMUM_OBSERVATIONS
from tidewright.domain.instant import utc
from tidewright.domain.metrics import formulae
from tidewright.domain.metrics.periods import years_between
from tidewright.domain.metrics.statistics import equity_statistics, return_statistics, trade_statistics
from tidewright.domain.metrics.table import METRICS, Metric
from tidewright.domain.overfitting import TrackRecord, probabilistic_sharpe
from tidewright.domain.paired import (
    SharpeDifference,
    common_period,
    correlations,
    period_moments,
    returns,
    sharpe_differences,
    values,
)
from tidewright.domain.timeframe import DAY
from tidewright.runs.contenders import Contender, Table, incomparable, moment, per_run
from tidewright.runs.differences import Difference, cautions, differences
from tidewright.runs.record import number_of
from tidewright.runs.refusal import InputRefused
from tidewright.runs.warnings import SHORT_PERIOD

Baseline: TypeAlias = Literal["best", "first"]

FIGURES = (
    "totalReturn", "cagr", "volatility", "sharpe", "probabilisticSharpe", "sortino", "calmar", "vwr", "maxDrawdown",
    "maxDrawdownDuration", "trades", "winRate", "profitFactor", "expectancyReturn", "sqn", "exposure",
)  # fmt: skip
"""What runs are ranked by: the figures that do not depend on the account's size, measured on what the runs share."""

_WHOLE = {"trades", "maxDrawdownDuration"}


@dataclass(frozen=True)
class Standing:
    """A run's place: its figures over the common period (NaN: undefined), and how far its Sharpe ratio is above the baseline's."""

    contender: Contender
    figures: Mapping[str, float]
    ahead: SharpeDifference


@dataclass(frozen=True)
class Leaderboard:
    """The runs from best to worst. `worth` is what each was worth at each of `moments` (the start, then every period's end), rows in that order."""

    by: Metric
    baseline: str
    standings: tuple[Standing, ...]
    moments: Integers
    worth: Floats
    correlations: Floats
    differences: tuple[Difference, ...]
    warnings: tuple[tuple[str, str], ...]


def rank(
    contenders: Sequence[Contender], by: str = "sharpe", baseline: Baseline = "best", seed: int = 0
) -> Leaderboard:
    """Hold two or more runs against each other over the time that they share.

    `by` is one of `FIGURES`; the differences of Sharpe ratios are from the best run by it, or from the first one given. Raises InputRefused where the
    runs cannot be compared.
    """
    problems = list(incomparable(contenders))
    if problems:
        raise InputRefused(problems)
    accounts = [contender.account for contender in contenders]
    start, end = common_period(accounts)
    moments, yearly = period_moments(accounts, start, end)
    worth = values(accounts, start, moments)
    daily = returns(worth)
    figures = [_figures(contender, start, end, row, yearly) for contender, row in zip(contenders, daily, strict=True)]
    metric = next(metric for metric in METRICS if metric.name == by)
    order = sorted(range(len(contenders)), key=lambda i: _place(figures[i][by], metric))
    against = order[0] if baseline == "best" else 0
    ahead = sharpe_differences(daily, against, yearly, seed)
    ranked = [contenders[i] for i in order]
    names, records = [each.name for each in ranked], [each.record for each in ranked]
    warnings = (*cautions(names, records), *_about_period(ranked, start, end, len(moments)))
    return Leaderboard(
        by=metric,
        baseline=contenders[against].name,
        standings=tuple(Standing(contenders[i], figures[i], ahead[i]) for i in order),
        moments=np.concatenate(((start,), moments)),
        worth=worth[order],
        correlations=correlations(daily[order]),
        differences=differences(records),
        warnings=warnings,
    )


def document_of(board: Leaderboard) -> dict[str, Any]:
    """The leaderboard as JSON values, undefined figures null; ``correlations`` and the values of ``differences`` are in the order of ``runs``."""
    return {
        "kind": "Comparison",
        "by": board.by.name,
        "against": board.baseline,
        "period": {
            "start": utc(int(board.moments[0])),
            "end": utc(int(board.moments[-1])),
            "periods": len(board.moments) - 1,
        },
        "runs": [_entry(place, standing) for place, standing in enumerate(board.standings, 1)],
        "correlations": [[number_of(value) for value in row] for row in board.correlations],
        "differences": [{"group": d.group, "field": d.field, "values": list(d.values)} for d in board.differences],
        "warnings": [{"reason": reason, "message": message} for reason, message in board.warnings],
    }


def _entry(place: int, standing: Standing) -> dict[str, Any]:
    ahead, contender = standing.ahead, standing.contender
    return {
        "rank": place,
        "name": contender.name,
        "source": contender.source,
        "digest": contender.record["provenance"]["digest"],
        "figures": {name: _whole(name, number_of(value)) for name, value in standing.figures.items()},
        "sharpeDifference": {
            "difference": number_of(ahead.difference),
            "interval": [number_of(ahead.low), number_of(ahead.high)],
            "pValue": number_of(ahead.p_value),
        },
    }


def _whole(name: str, value: float | None) -> float | int | None:
    """Counts and durations without a point, as in a run's own record."""
    return value if value is None or name not in _WHOLE else int(value)


def _place(figure: float, metric: Metric) -> tuple[bool, float]:
    """Sorts the best first, and what is undefined last; more comes first where neither more nor less is better."""
    if math.isnan(figure):
        return True, 0.0
    return False, figure if metric.higher_is_better is False else -figure


def _figures(contender: Contender, start: int, end: int, daily: Floats, yearly: float) -> dict[str, float]:
    """The run's `FIGURES` between two times; over the whole of it they are those of its record."""
    account = contender.account
    first, last = np.searchsorted(account.close_time, (start, end), side="right")
    before, after = account.worth(np.array([start, end])).tolist()
    time, equity = np.array(account.time[first:last]), account.equity[first:last]
    of_returns, of_equity = return_statistics(daily), equity_statistics(time, account.step, equity, before)
    drawdown, years = of_equity.drawdown.ratio, years_between(start, end)
    growth = formulae.cagr(after / before, years)
    return {
        "totalReturn": formulae.total_return(before, after),
        "cagr": growth,
        "volatility": formulae.volatility(of_returns.deviation, yearly),
        "sharpe": formulae.sharpe(of_returns.mean, of_returns.deviation, yearly),
        "probabilisticSharpe": probabilistic_sharpe(TrackRecord.from_statistics(of_returns, len(daily))),
        "sortino": formulae.sortino(of_returns.mean, of_returns.downside, yearly),
        "calmar": formulae.calmar(growth, drawdown),
        "vwr": formulae.variability_weighted_return(of_returns.growth_rate, of_returns.variability, yearly),
        "maxDrawdown": drawdown,
        "maxDrawdownDuration": float(of_equity.longest),
        **_trade_figures(contender.trades, start, end - account.step),
        "exposure": _exposure(contender.equity, int(first), int(last)),
    }


def _trade_figures(trades: Table, start: int, end: int) -> dict[str, float]:
    """Of the trades that were entered and left in bars that open between two times, the end included."""
    entry, exit_ = (np.array(trades.get(name, ()), dtype=np.int64) for name in ("entryTime", "exitTime"))
    chosen = (entry >= start) & (exit_ <= end)
    pnl, net = (np.array(trades.get(name, ()), dtype=np.float64)[chosen] for name in ("pnl", "netReturn"))
    found, count = trade_statistics(pnl, net, entry[chosen], exit_[chosen]), int(np.count_nonzero(chosen))
    return {
        "trades": float(count),
        "winRate": formulae.win_rate(found.money.wins, count),
        "profitFactor": formulae.profit_factor(found.money.won, found.money.lost),
        "expectancyReturn": found.mean,
        "sqn": formulae.system_quality_number(found.mean, found.deviation, count),
    }


def _exposure(equity: Table, first: int, last: int) -> float:
    """The share of the bars that closed with a position, in whatever symbol."""
    held = [column[first:last] != 0.0 for name, column in equity.items() if name.partition(":")[0] == "holding"]
    return formulae.exposure(float(np.count_nonzero(np.any(held, axis=0))), last - first) if held else math.nan


def _about_period(ranked: Sequence[Contender], start: int, end: int, periods: int) -> Iterator[tuple[str, str]]:
    cut = [each for each in ranked if (int(each.account.time[0]), int(each.account.close_time[-1])) != (start, end)]
    if cut:
        said = per_run(cut, [contender.period for contender in cut])
        yield (
            "Period",
            f"Everything is measured from {moment(start)} to {moment(end)}, the time that all runs share; longer: {said}.",
        )
    if periods < MINIMUM_OBSERVATIONS:
        yield "ShortPeriod", f"{periods} periods are too few to tell a difference from chance: there are no intervals."
    elif end - start < SHORT_PERIOD:
        days = (end - start) / DAY
        yield "ShortPeriod", f"{days:.0f} days see few kinds of market; annual figures are extrapolated from them."
