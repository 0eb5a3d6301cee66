"""A study's record on a terminal: first whether to believe it, then what was found."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidewright.cli.figures import shown
from tidewright.domain.metrics.table import METRICS

Record = Mapping[str, Any]

_WINDOWS, _WARNINGS, _SYMBOLS = 12, 6, 4
"""How many windows, warnings and symbols are listed, at most."""

_COLOURS = {"Robust": "green", "Suspect": "yellow", "Overfit": "red"}
_SIGNS = {"Robust": "✓", "Suspect": "?", "Overfit": "✗"}
_METRICS = {metric.name: metric for metric in METRICS}


def show(record: dict[str, Any], console: Console) -> None:
    """Print the verdict with its reasons, the selected parameters, the windows, the overfitting figures, warnings, and where the rest is."""
    _title(record, console)
    _verdict(record["verdict"], console)
    _selected(record, console)
    if record["windows"]:
        console.print("", _windows(record), sep="\n")
    console.print("", _evidence(record), sep="\n")
    _warnings(record, console)
    _places(record, console)


def _title(record: Record, console: Console) -> None:
    title = Text(f"\n{record['name']}", style="bold")
    title.append(f"  {record['strategy']['name']}", style="not bold")
    if record["provenance"]["data"]["simulated"]:
        title.append("  SIMULATED DATA", style="yellow")
    console.print(title)
    names, period = record["symbols"], record["period"]
    market = ", ".join(names) if len(names) <= _SYMBOLS else f"{len(names)} symbols"
    where = f"{market} {record['timeframe']} on {record['exchange']}, {period['start'][:10]} to {period['end'][:10]}"
    console.print(f"{where}, {period['bars']:,} bars; {_counted(record)}", style="dim", highlight=False)


def _counted(record: Record) -> str:
    """``480 of 500 trials complete (3 not feasible), 15 pruned, 5 failed``."""
    trials = record["trials"]
    infeasible = f" ({trials['infeasible']:,} not feasible)" if trials["infeasible"] else ""
    others = [f"{trials[state]:,} {state}" for state in ("pruned", "failed") if trials[state]]
    return ", ".join([f"{trials['complete']:,} of {trials['asked']:,} trials complete{infeasible}", *others])


def _verdict(verdict: Record, console: Console) -> None:
    word = verdict["word"]
    console.print(Text.assemble("\nVerdict  ", (word, f"bold {_COLOURS[word]}")))
    reasons = Table.grid(padding=(0, 1), pad_edge=True)
    for reason in verdict["reasons"]:
        speaks_for = reason["speaksFor"]
        reasons.add_row(Text(_SIGNS[speaks_for], f"bold {_COLOURS[speaks_for]}"), reason["message"])
    console.print(reasons, highlight=False)


def _selected(record: Record, console: Console) -> None:
    selected = record["selected"]
    if selected is None:
        console.print("\nNo trial could be selected.", style="bold")
        return
    settings = "  ".join(f"{name} {value}" for name, value in selected["parameters"].items())
    values = ", ".join(
        f"{_METRICS[one['metric']].title} {shown(value, _METRICS[one['metric']].unit)}"
        for one, value in zip(record["objectives"], selected["values"], strict=True)
    )
    console.print(Text.assemble("\nSelected  ", (settings, "bold")), highlight=False)
    told = f"trial {selected['number']:,}, by {record['selection'].lower()} selection; mean of the windows in sample: {values}"
    console.print(f"  {told}", style="dim", highlight=False)


def _windows(record: Record) -> Table:
    """The trial chosen at each window, and what it did in and out of sample; the first windows where there are many."""
    metrics = [_METRICS[name] for name in dict.fromkeys((record["objectives"][0]["metric"], "totalReturn"))]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    many = len(record["windows"]) > _WINDOWS
    table.add_column(f"{_WINDOWS} of {len(record['windows'])} windows, from" if many else "Out of sample from")
    table.add_column("Chosen", justify="right")
    for metric in metrics:
        table.add_column(f"{metric.title}: in", justify="right")
        table.add_column("out", justify="right")
    for window in record["windows"][:_WINDOWS]:
        chosen = window["chosen"]
        figures = [
            shown((window[side] or {}).get(metric.name), metric.unit)
            for metric in metrics
            for side in ("inSampleFigures", "outOfSampleFigures")
        ]
        begins = window["outOfSample"]["start"][:10]
        table.add_row(begins, f"{chosen['number']:,}" if chosen else "–", *figures)
    return table


def _evidence(record: Record) -> Table:
    """The figures that the verdict goes by, and the account out of sample; a dash where one is undefined."""
    evidence, out_of_sample = record["overfitting"] or {}, record["result"]
    pbo, test, stability = (evidence.get(name) or {} for name in ("pbo", "test", "stability"))
    names = {"SuperiorPredictiveAbility": "superior predictive ability", "RealityCheck": "the reality check"}
    rows = [
        ("Out-of-sample return", shown(out_of_sample["totalReturn"], "percent"), "of the parts, one after the other"),
        ("Out-of-sample Sharpe ratio", shown(out_of_sample["sharpe"], "ratio"), "a year"),
        ("Out-of-sample drawdown", shown(out_of_sample["maxDrawdown"], "percent"), "deepest"),
        ("Walk-forward efficiency", shown(record["walkForward"]["efficiency"], "percent"), "of the growth in sample"),
        ("Deflated Sharpe ratio", shown(evidence.get("deflatedSharpe"), "percent"), _luck(evidence)),
        ("Overfitting (PBO)", shown(pbo.get("probability"), "percent"), "of rehearsals chose badly"),
        ("p value", shown(test.get("pValue"), "ratio"), f"of {names[test['name']]}" if test else ""),
        ("Stability", shown(stability.get("score"), "percent"), str(stability.get("shape", "Unknown")).lower()),
    ]
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    table.add_column("", style="dim")
    for row in rows:
        table.add_row(*row)
    return table


def _luck(evidence: Record) -> str:
    if not evidence:
        return ""
    independent = evidence["independentTrials"]
    alike = "" if independent is None else f", worth {independent:,.1f} independent ones"
    return f"after {evidence['trials']:,} trials{alike}"


def _warnings(record: Record, console: Console) -> None:
    warnings = record["warnings"]
    if warnings:
        console.print()
    for warning in warnings[:_WARNINGS]:
        console.print(Text.assemble((f"{warning['reason']}: ", "bold yellow"), warning["message"]), highlight=False)
    if len(warnings) > _WARNINGS:
        console.print(f"{len(warnings) - _WARNINGS} more in result.json", style="dim", highlight=False)


def _places(record: Record, console: Console) -> None:
    artifacts = record["artifacts"]
    console.print(Text(f"\nDigest  {record['provenance']['resultDigest']}", style="dim"), soft_wrap=True)
    if "report" in artifacts:
        console.print(Text.assemble(("Report  ", "dim"), artifacts["report"]), soft_wrap=True)
    if record["selected"] is not None and "result" in artifacts:
        refusal = " --even-if-overfit" if record["verdict"]["word"] == "Overfit" else ""
        command = f"tidewright apply-best {artifacts['result']}{refusal}"
        console.print(Text.assemble(("Apply   ", "dim"), command), soft_wrap=True)
