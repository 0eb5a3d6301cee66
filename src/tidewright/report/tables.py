"""What the page's tables say: each function turns a part of a run into rows of text.

`document` is a run's ``result.json``. Whatever is missing in it is a dash, never an error.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tidewright.domain.metrics.table import METRICS, Unit
from tidewright.report import format as fmt
from tidewright.report import series
from tidewright.report.document import Document, currency, part, ratio
from tidewright.report.options import Columns, trade_count

LISTED_TRADES = 200
"""How many of the first and of the last trades the page lists."""

PRINTED_TRADES = 15
"""How many of them, from either end, go on paper."""

_HEADLINE = ("totalReturn", "cagr", "sharpe", "maxDrawdown", "volatility", "calmar", "winRate", "profitFactor")
_OF_TRADES = {"winRate", "profitFactor"}
_METRICS = {metric.name: metric for metric in METRICS}


def figure_text(value: object, unit: Unit, unit_of_money: str = "") -> str:
    """One figure as its unit says."""
    match unit:
        case "percent":
            return fmt.percent(value)
        case "money":
            return fmt.money(value, unit_of_money)
        case "count":
            return fmt.count(value)
        case "duration":
            return fmt.duration(value)
        case _:
            return fmt.number(value)


def interval(document: Document, name: str) -> str:
    """``0.31 to 1.42``, empty where the run has no interval for this figure."""
    bounds = part(document, "intervals", name)
    if not isinstance(bounds, (list, tuple)) or len(bounds) != 2 or not all(map(fmt.defined, bounds)):
        return ""
    return " to ".join(figure_text(bound, _METRICS[name].unit) for bound in bounds)


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline figure."""

    title: str
    description: str
    value: str
    interval: str
    benchmark: str


def headline(document: Document) -> list[Tile]:
    """The figures that a reader asks for first."""
    tiles = []
    for name in _HEADLINE:
        metric = _METRICS[name]
        value, other = (figure_text(part(document, side, name), metric.unit) for side in ("result", "benchmark"))
        if name in _OF_TRADES:
            beside = f"{fmt.count(part(document, 'result', 'trades'))} trades"
        else:
            beside = f"Buy and hold {other}"
        tiles.append(Tile(metric.title, metric.description, value, interval(document, name), beside))
    return tiles


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One line of the table of all figures."""

    title: str
    description: str
    value: str
    interval: str
    benchmark: str


def metrics(document: Document) -> list[MetricRow]:
    """Every figure of the table of metrics."""
    money = currency(document)
    return [
        MetricRow(
            metric.title,
            metric.description,
            figure_text(part(document, "result", metric.name), metric.unit, money),
            interval(document, metric.name),
            figure_text(part(document, "benchmark", metric.name), metric.unit, money),
        )
        for metric in METRICS
    ]


@dataclass(frozen=True, slots=True)
class Cell:
    """A return, with its strength between 0 and 1 for colour and its sign as a word for a style."""

    text: str
    heat: float = 0.0
    sign: str = ""


@dataclass(frozen=True, slots=True)
class YearRow:
    """One year of the calendar of returns."""

    year: int
    months: list[Cell]
    total: Cell
    benchmark: str


def _cell(value: float, strongest: float) -> Cell:
    if not fmt.defined(value):
        return Cell(fmt.DASH)
    sign = "gain" if value >= 0.0005 else "loss" if value <= -0.0005 else ""
    return Cell(fmt.percent(value, 1), round(min(1.0, abs(value) / strongest), 2), sign)


def calendar(equity: Columns, initial: float | None) -> list[YearRow]:
    """Monthly and yearly returns; a colour is at its strongest for a tenth of all months."""
    account, market = equity.get("equity"), equity.get("benchmark")
    if account is None or len(account) == 0:
        return []
    years = series.calendar(equity["time"], account, account[0] if initial is None else initial)
    others: dict[int, float] = {}
    if market is not None:
        others = {
            y.year: y.total for y in series.calendar(equity["time"], market, market[0] if initial is None else initial)
        }
    months = np.abs([month for year in years for month in year.months])
    strongest = float(np.nanquantile(months, 0.9)) if np.isfinite(months).any() else 0.0
    strongest = strongest or 1.0
    return [
        YearRow(
            year.year,
            [_cell(month, strongest) for month in year.months],
            _cell(year.total, 3 * strongest),
            fmt.percent(others.get(year.year), 1),
        )
        for year in years
    ]


_REFUSALS = {
    "NoCash": "The free cash could not pay for any of it.",
    "MaxOpenPositions": "As many positions were open as risk.maxOpenPositions allows.",
    "MaxEntries": "The position had as many entries as risk.maxEntries allows.",
    "Cooldown": "The symbol's last position was closed less than risk.cooldown before.",
    "SymbolExposure": "The position was worth as much as risk.maxSymbolExposure allows.",
    "TotalExposure": "All positions together were worth as much as risk.maxTotalExposure allows.",
    "LeverageBracket": "No bracket of broker.filters allows a larger position at the account's leverage.",
    "NoVolume": "Nothing was left of the share of the bar's volume that broker.volumeShare allows.",
    "BelowLot": "What the account and its limits let through was less than one lot.",
    "BelowMinNotional": "What the account and its limits let through was worth less than minNotional.",
    "OtherSide": "A position of the other side was open.",
    "Leaving": "The position was being closed in the same bar.",
    "NoStop": "Sizing by risk found no stop on the losing side of the price.",
}
"""Why an order is not filled, by the name of `tidewright.domain.ledger.Refusal`."""


def refusals(document: Document) -> list[tuple[str, str, str]]:
    """Reason, number and meaning of the orders that were not filled, the most frequent reason first."""
    counts = sorted((part(document, "refused") or {}).items(), key=lambda item: -item[1])
    return [(fmt.words(reason), fmt.count(count), _REFUSALS.get(reason, fmt.DASH)) for reason, count in counts]


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """The trades that ended for one reason."""

    reason: str
    trades: str
    share: str
    win_rate: str
    mean: str
    pnl: str


def exit_reasons(trades: Columns) -> list[ReasonRow]:
    """Results by why a trade ended, the most frequent reason first."""
    reasons = trades.get("reason")
    if reasons is None or len(reasons) == 0:
        return []
    names, counts = np.unique(np.asarray(reasons, dtype=np.str_), return_counts=True)
    rows = []
    for index in np.argsort(-counts, kind="stable"):
        chosen = np.asarray(reasons, dtype=np.str_) == names[index]
        pnl = trades["pnl"][chosen]
        rows.append(
            ReasonRow(
                fmt.words(str(names[index])),
                fmt.count(int(counts[index])),
                fmt.percent(float(counts[index] / len(reasons))),
                fmt.percent(float(np.mean(pnl > 0))),
                fmt.percent(float(np.mean(trades["netReturn"][chosen])), plus=True),
                fmt.money(float(pnl.sum()), plus=True),
            )
        )
    return rows


def costs(document: Document, trades: Columns) -> list[tuple[str, str]]:
    """What trading cost, and against what."""
    money = currency(document)
    broker = part(document, "spec", "broker") or {}
    fees, cash = part(document, "result", "fees"), broker.get("cash")
    facts = [
        ("Commission", fmt.text(broker.get("commission"))),
        ("Slippage assumed", fmt.text(broker.get("slippage"))),
        ("Fees paid", fmt.money(fees, money)),
        (
            "Fees over initial cash",
            fmt.percent(fees / cash if fmt.defined(fees) and fmt.defined(cash) and cash > 0 else None),
        ),
    ]
    if fmt.defined(funding := part(document, "result", "funding")):
        facts.append(("Funding paid; below zero, received", fmt.money(funding, money)))
    if trade_count(trades) == 0:
        return facts
    before = trades["pnl"] + trades["fees"]
    gross = float(before[before > 0].sum())
    paid = float(trades["fees"].sum())
    slippage = ratio(broker.get("slippage"))
    traded = float((trades["quantity"] * (trades["entryPrice"] + trades["exitPrice"])).sum())
    return [
        *facts,
        ("Fees over gross profit", fmt.percent(paid / gross if gross > 0 else None)),
        ("Gross profit (winning trades before fees)", fmt.money(gross, money)),
        ("Result of all trades before fees", fmt.money(float(before.sum()), money, plus=True)),
        (
            "Slippage paid, estimated from the amount traded",
            fmt.money(None if slippage is None else slippage * traded, money),
        ),
        ("Fees per trade, on average", fmt.money(paid / len(before), money)),
    ]


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One line of the trade list; `long` rows stay off paper."""

    number: int
    cells: list[str] = field(default_factory=list)
    sign: str = ""
    long: bool = False
    symbol: str = ""


def trade_list(trades: Columns) -> tuple[list[TradeRow], list[TradeRow]]:
    """The first and the last trades; the second list is empty where the first holds them all."""
    total = trade_count(trades)
    if total == 0:
        return [], []
    if total <= 2 * LISTED_TRADES:
        return list(_trade_rows(trades, 0, total)), []
    return list(_trade_rows(trades, 0, LISTED_TRADES)), list(_trade_rows(trades, total - LISTED_TRADES, total))


def _trade_rows(trades: Columns, first: int, last: int) -> Iterator[TradeRow]:
    total = trade_count(trades)
    names = (
        "entryTime",
        "exitTime",
        "direction",
        "quantity",
        "entryPrice",
        "exitPrice",
        "fees",
        "pnl",
        "netReturn",
        "barsHeld",
    )
    rows = zip(*(trades[name][first:last].tolist() for name in (*names, "reason")), strict=True)
    symbols = trades.get("symbol", np.full(total, ""))
    for index, (entry, exit_, direction, quantity, bought, sold, fees, pnl, gain, held, reason) in enumerate(
        rows, first + 1
    ):
        cells = [
            "Long" if direction > 0 else "Short",
            fmt.moment(entry),
            fmt.moment(exit_),
            f"{quantity:,.6g}",
            fmt.price(bought),
            fmt.price(sold),
            fmt.number(fees),
            fmt.number(pnl, plus=True),
            fmt.percent(gain, plus=True),
            fmt.count(held),
            fmt.words(str(reason)),
        ]
        sign = "gain" if pnl > 0 else "loss" if pnl < 0 else ""
        long = PRINTED_TRADES < index <= total - PRINTED_TRADES
        yield TradeRow(index, cells, sign, long, str(symbols[index - 1]))
