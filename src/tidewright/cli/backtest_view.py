"""A backtest's record on a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidewright.cli.figures import shown
from tidewright.domain.metrics.table import METRICS

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
    console.print(
        f"{data['symbol']} {data['timeframe']} on {data['exchange']}, {data['start'][:10]} to {data['end'][:10]}, {data['bars']:,} bars",
        style="dim",
        highlight=False,
    )
    console.print(_figures(record))
    for warning in record["warnings"]:
        colour = "red" if warning["reason"] in _GRAVE else "yellow"
        console.print(Text.assemble((f"{warning['reason']}: ", f"bold {colour}"), warning["message"]), highlight=False)
    _provenance(record, console)


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
    return table


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
