"""A backtest's record on a terminal."""

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidewright.cli.figures import shown
from tidewright.domain.metrics.table import METRICS, Unit

_HEADLINES = (
    "totalReturn",
    "cagr",
    "volatility",
    "sharpe",
    "probabilisticSharpe",
    "sortino",
    "calmar",
    "maxDrawdown",
    "maxDrawdownDuration",
    "trades",
    "winRate",
    "profitFactor",
    "expectancyReturn",
    "exposure",
    "fees",
    "funding",
)
_WHERE_THERE_IS_ANY = {"funding"}
_NAMED, _LISTED, _OF_A_KIND = 4, 10, 3
"""How many symbols the line of the market names and the table of symbols lists, and how many warnings of one reason are shown."""

_GRAVE = {"LookAhead", "NotRepeatable", "LookAheadUnchecked", "SimulatedData", "DataQuality", "Ruin", "EnginesDisagree"}


def show(record: dict[str, Any], console: Console) -> None:
    """Print headline figures, checks, warnings, provenance and where the files are."""
    data, strategy = record["provenance"]["data"], record["spec"]["strategy"]
    parameters = ", ".join(f"{name}={value}" for name, value in strategy["parameters"].items())
    title = Text(f"\n{record['name']}", style="bold")
    title.append(f"  {record['provenance']['strategy']['name']}({parameters})", style="not bold")
    if data["simulated"]:
        title.append("  SIMULATED DATA", style="yellow")
    console.print(title)
    names = list(data.get("symbols", [data["symbol"]]))
    market = ", ".join(names) if len(names) <= _NAMED else f"{len(names)} symbols"
    console.print(
        f"{market} {data['timeframe']} on {data['exchange']}, {data['start'][:10]} to {data['end'][:10]}, {data['bars']:,} bars",
        style="dim",
        highlight=False,
    )
    console.print(_figures(record))
    if "symbols" in record:
        console.print("", _symbols(record["symbols"]), "", sep="\n")
    _warnings(record["warnings"], console)
    _provenance(record, console)


def _warnings(warnings: list[dict[str, str]], console: Console) -> None:
    """A line each, the first few of one reason."""
    told: Counter[str] = Counter()
    for warning in warnings:
        reason = warning["reason"]
        told[reason] += 1
        if told[reason] <= _OF_A_KIND:
            colour = "red" if reason in _GRAVE else "yellow"
            console.print(Text.assemble((f"{reason}: ", f"bold {colour}"), warning["message"]), highlight=False)
    for reason, count in told.items():
        if count > _OF_A_KIND:
            console.print(f"{reason}: {count - _OF_A_KIND} more in result.json", style="dim", highlight=False)


def _symbols(symbols: list[dict[str, Any]]) -> Table:
    """What each symbol did for the account, the largest gain first; of many, those that moved it most."""
    columns: dict[str, tuple[str, Unit]] = {
        "gain": ("Gain", "money"),
        "contribution": ("Contribution", "percent"),
        "fees": ("Fees", "money"),
        "exposure": ("Exposure", "percent"),
        "trades": ("Trades", "count"),
        "winRate": ("Won", "percent"),
        "refused": ("Refused", "count"),
    }
    chosen = sorted(symbols, key=lambda one: -abs(one["gain"]))[:_LISTED]
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column(f"{_LISTED} of {len(symbols)}" if len(symbols) > _LISTED else "Symbol")
    for title, _ in columns.values():
        table.add_column(title, justify="right")
    for one in sorted(chosen, key=lambda one: -one["gain"]):
        table.add_row(one["symbol"], *(shown(one[name], unit) for name, (_, unit) in columns.items()))
    return table


def _figures(record: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("")
    table.add_column("Strategy", justify="right")
    table.add_column("95 % interval", justify="right", style="dim")
    table.add_column("Buy and hold", justify="right")
    metrics = {metric.name: metric for metric in METRICS}
    money = record["result"]["finalEquity"], record["benchmark"]["finalEquity"]
    table.add_row("Final equity", shown(money[0], "money"), "", shown(money[1], "money"))
    for name in _HEADLINES:
        if name in _WHERE_THERE_IS_ANY and record["result"][name] is None:
            continue
        metric = metrics[name]
        low, high = record["intervals"].get(name, (None, None))
        interval = "" if low is None else f"{shown(low, metric.unit)} … {shown(high, metric.unit)}"
        table.add_row(
            metric.title,
            shown(record["result"][name], metric.unit),
            interval,
            shown(record["benchmark"][name], metric.unit),
        )
    for title, value in _other_histories(record):
        table.add_row(title, value, "", "")
    return table


def _other_histories(record: dict[str, Any]) -> list[tuple[str, str]]:
    """What Monte Carlo says of the account, of its days where there are enough of them."""
    found = record["monteCarlo"] or {"ways": {}}
    way = next(iter(found["ways"].values()), None)
    if way is None:
        return []
    drawdown = way["maxDrawdown"][way["quantiles"].index(0.95)]
    paths = f"of {found['paths']:,} paths"
    return [
        (f"Drawdown, worst 5 % {paths}", shown(drawdown, "percent")),
        (f"Loss at the end {paths}", shown(way["loss"], "percent")),
    ]


def _provenance(record: dict[str, Any], console: Console) -> None:
    provenance, checks, artifacts = record["provenance"], record["checks"], record["artifacts"]
    verdicts = {"lookAhead": "look-ahead", "warmup": "warm-up", "dataQuality": "data quality", "engines": "two engines"}
    line = Text("\nChecks  ", style="dim")
    for name, title in verdicts.items():
        if "passed" in checks.get(name, {}):
            passed = checks[name]["passed"]
            line.append(f"{'✓' if passed else '✗'} {title}  ", style="green" if passed else "bold red")
    console.print(line)
    if provenance["engine"]["name"] != "Fast":
        console.print(Text(f"Engine  {provenance['engine']['name']} {provenance['engine']['version']}", style="dim"))
    console.print(Text(f"Digest  {provenance['digest']}", style="dim"), soft_wrap=True)
    if "report" in artifacts:
        console.print(Text.assemble(("Report  ", "dim"), artifacts["report"]), soft_wrap=True)
    console.print(Text.assemble(("Verify  ", "dim"), f"tidewright verify {artifacts['result']}"), soft_wrap=True)
