"""Tidewright in Python and in notebooks: run resources, and hold the results as frames and figures."""

import os
from collections.abc import Mapping
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tidewright.adapters.engines import find_engine
from tidewright.adapters.results import Writer, read_record, read_table, write_results, write_table
from tidewright.adapters.stores import stores
from tidewright.domain.bars import Market
from tidewright.domain.metrics.table import METRICS
from tidewright.runs.backtest import BacktestFindings, run_backtest
from tidewright.runs.plan import plan_backtest
from tidewright.runs.record import Table, document_of, equity_table, fills_table, refusals_table, trades_table
from tidewright.runs.refusal import InputRefused
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.quantities import epoch_milliseconds

if TYPE_CHECKING:
    import pandas as pd

Source = str | Path | Mapping[str, Any]
"""A file that holds resources, or one resource as a mapping."""


def run(*sources: Source) -> "Result":
    """Run the one BacktestRun that `sources` hold; TradingStrategies beside it may be referred to by name.

    Nothing is written; `Result.save` does that. Raises `tidewright.runs.refusal.InputRefused` with every problem of the input,
    ValueError when there is not exactly one run, and StrategyFailed when the strategy does.
    """
    results = run_all(*sources)
    if len(results) != 1:
        raise ValueError(f"{len(results)} BacktestRuns in what was given; use run_all for several")
    return results[0]


def run_all(*sources: Source) -> list["Result"]:
    """Run every BacktestRun that `sources` hold, in order."""
    manifest, folders = Manifest(), [Path.cwd()]
    for source in sources:
        if isinstance(source, Mapping):
            manifest.add(Document("", dict(source), {(): 0}))
        else:
            manifest.read(str(source), Path(source).read_text(encoding="utf-8"))
            folders.insert(0, Path(source).resolve().parent)
    if manifest.problems:
        raise InputRefused(manifest.problems)
    plans = [
        plan_backtest(resource, document, manifest, folders, find_engine=find_engine)
        for _, resource, document in manifest.of_kind("BacktestRun")
        if isinstance(resource, BacktestRun)
    ]
    return [Result.of(run_backtest(plan, stores(os.environ))) for plan in plans]


def load(result: str | Path) -> "Result":
    """A result that `tidewright run` or `Result.save` wrote: its folder, or the result.json in it."""
    path = Path(result)
    folder = path if path.is_dir() else path.parent
    equity, trades, fills = (read_table(folder / f"{name}.parquet") for name in ("equity", "trades", "fills"))
    refusals = folder / "refusals.parquet"
    return Result(read_record(path), equity, trades, fills, read_table(refusals) if refusals.exists() else None)


def bars(
    exchange: str, symbol: str, timeframe: str, start: str | None = None, end: str | None = None
) -> "pd.DataFrame":
    """Stored bars indexed by open time; `start` and `end` (exclusive) are dates or RFC 3339 times."""
    from tidewright.frames import frame_of_bars  # noqa: PLC0415 - pandas, for those who ask for frames

    first, last = (None if time is None else epoch_milliseconds(time) for time in (start, end))
    return frame_of_bars(stores(os.environ).read(Market(exchange, symbol, timeframe), first, last))


_CAPTION = 70
"""Height of what stands around a chart, in pixels."""


class Result:
    """What came of a run: `document` is its record, as in result.json; the rest is read off it and its tables."""

    def __init__(
        self, document: Mapping[str, Any], equity: Table, trades: Table, fills: Table, refusals: Table | None = None
    ) -> None:
        self.document = dict(document)
        self._equity, self._trades, self._fills, self._refusals = equity, trades, fills, refusals or {}

    @classmethod
    def of(cls, found: BacktestFindings) -> "Result":
        """The result of a run that has just been made."""
        document = document_of(found, manifest=found.plan.document.file)
        return cls(document, equity_table(found), trades_table(found), fills_table(found), refusals_table(found))

    @property
    def name(self) -> str:
        return str(self.document["name"])

    @property
    def digest(self) -> str:
        """Digest of fills and equity: the same wherever the run is made again."""
        return str(self.document["provenance"]["digest"])

    @property
    def metrics(self) -> dict[str, float | None]:
        """Every figure by name (``sharpe``); None where it is undefined."""
        return dict(self.document["result"])

    @property
    def warnings(self) -> list[dict[str, str]]:
        """Reasons to doubt the figures, each with ``reason`` and ``message``."""
        return list(self.document["warnings"])

    @cached_property
    def equity(self) -> "pd.DataFrame":
        """One row a bar: equity, the benchmark's equity and the funding paid where there is any; of one symbol its prices, the holding and the strategy's columns, of several the holding, close
        and gain of each.
        """
        return self._frame(self._equity, "time")

    @cached_property
    def trades(self) -> "pd.DataFrame":
        """One row a closed position."""
        return self._frame(self._trades, None)

    @cached_property
    def fills(self) -> "pd.DataFrame":
        """One row a fill."""
        return self._frame(self._fills, "time")

    @cached_property
    def symbols(self) -> "pd.DataFrame":
        """What each symbol of an account with several did for it, indexed by symbol: gain, contribution, fees, exposure, trades, winRate, refused; empty where there is one."""
        rows = self.document.get("symbols", [])
        known = [{name: np.nan if value is None else value for name, value in row.items()} for row in rows]
        table = {name: np.array([row[name] for row in known]) for name in (rows[0] if rows else ())}
        return self._frame(table, "symbol" if rows else None)

    @cached_property
    def correlation(self) -> "pd.DataFrame":
        """Correlations of the symbols' daily returns, a row and a column for each of several symbols, NaN where undefined; empty where there is one."""
        names = [row["symbol"] for row in self.document.get("symbols", [])]
        matrix = np.array(self.document.get("correlation", []), dtype=np.float64).reshape(len(names), len(names))
        table: Table = {"symbol": np.array(names), **dict(zip(names, matrix, strict=True))}
        return self._frame(table, "symbol")

    @cached_property
    def refusals(self) -> "pd.DataFrame":
        """One row an order that was not filled, with its reason."""
        return self._frame(self._refusals, "time" if self._refusals else None)

    def figure(self, name: str = "equity") -> "Figure":
        """One of the report's charts: equity, rolling, trades, results, excursions, exposure or funding; of an account with several symbols also contribution."""
        return Figure(name, self._equity, self._trades, self.document)

    def report(self) -> str:
        """The report, one HTML page that needs nothing else; it names no folder, as it lies beside the record wherever both are moved to."""
        from tidewright.report.page import render  # noqa: PLC0415 - jinja2, for those who ask for the report

        return render({**self.document, "artifacts": {}}, self._equity, self._trades)

    def save(self, folder: str | Path, *, report: bool = True) -> dict[str, str]:
        """Write record, tables and report to `folder`, all or none; returns the paths by name. Raises OSError."""
        writers: dict[str, Writer | None] = {
            "trades.parquet": lambda path: write_table(path, self._trades),
            "fills.parquet": lambda path: write_table(path, self._fills),
            "equity.parquet": lambda path: write_table(path, self._equity),
            "refusals.parquet": self._save_refusals if len(self._refusals.get("time", ())) else None,
            "report.html": self.save_report if report else None,
        }
        self.document["artifacts"] = write_results(Path(folder), writers, self.document)
        return dict(self.document["artifacts"])

    def _save_refusals(self, path: Path) -> None:
        write_table(path, self._refusals)

    def save_report(self, path: Path) -> None:
        """Write the report alone to `path`."""
        path.write_text(self.report(), encoding="utf-8")

    def _frame(self, table: Table, index: str | None) -> "pd.DataFrame":
        from tidewright.frames import frame  # noqa: PLC0415 - pandas, for those who ask for frames

        return frame(table, index)

    def __repr__(self) -> str:
        figures = self.document["result"]
        shown = ", ".join(
            f"{name}={figures[name]:.4g}"
            for name in ("totalReturn", "sharpe", "maxDrawdown")
            if figures[name] is not None
        )
        return f"<Result {self.name}: {shown}, trades={figures['trades']}>"

    def _repr_html_(self) -> str:
        figures, market = self.document["result"], self.document["benchmark"]
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(metric.title)}</th><td>{_cell(figures.get(metric.name))}</td>"
            f"<td>{_cell(market.get(metric.name))}</td></tr>"
            for metric in METRICS
        )
        notices = "".join(f"<li><b>{escape(w['reason'])}</b>: {escape(w['message'])}</li>" for w in self.warnings)
        return (
            f"<h4>{escape(self.name)}</h4><ul>{notices}</ul>"
            f"<table><tr><th></th><th>Strategy</th><th>Buy and hold</th></tr>{rows}</table>"
        )


class Figure:
    """One chart of a report, which shows itself in a notebook and can be saved as a page of its own."""

    def __init__(self, name: str, equity: Table, trades: Table, document: Mapping[str, Any]) -> None:
        from tidewright.report.charts import figures_of  # noqa: PLC0415 - for those who ask for figures
        from tidewright.report.page import figure_page  # noqa: PLC0415 - jinja2, likewise

        self.name = name
        self.html = figure_page(name, equity, trades, document)
        self.height = figures_of(equity)[name].height + _CAPTION

    def save(self, path: str | Path) -> None:
        """Write the chart as one HTML page that needs nothing else."""
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        return f"<iframe srcdoc='{escape(self.html, quote=True)}' width='100%' height='{self.height}' frameborder='0'></iframe>"


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}"
