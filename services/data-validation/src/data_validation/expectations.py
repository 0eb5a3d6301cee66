"""The row rules of bars executed a second time, by Great Expectations; the one module that imports it and pandas.

A suite has an expectation for each rule, generated from the rules' own data. How a rule is tried is written anew here, over whole columns, so that two programs which know
nothing of each other must agree on every row. The data docs are the report for people.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
import numpy as np
import pandas as pd
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_map_metric_provider import (
    MulticolumnMapMetricProvider,
)
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view.view import DefaultJinjaPageView

from tidewright.domain.bars import COLUMNS, Bars, Integers
from tidewright.domain.quality import BAR_RULES, STALE_RUN, QualityRule, Severity, price_limit
from tidewright.domain.quality.rows import Masks
from tidewright.domain.quality.rules import AMOUNT_LIMIT, EARLIEST, LARGE_CHANGE, LATEST, LEAD
from tidewright.domain.timeframe import DAY

_PRICES = ["open", "high", "low", "close"]
_BITS = {rule.name: bit for bit, rule in BAR_RULES.items()}

Frame = pd.DataFrame
Verdicts = pd.Series

BROKEN: Mapping[str, Callable[[Frame], Verdicts]] = {
    "NonFinite": lambda rows: ~rows[list(COLUMNS)].apply(np.isfinite).all(axis=1),
    "NonPositivePrice": lambda rows: rows[_PRICES].min(axis=1) <= 0,
    "PriceTooHigh": lambda rows: rows[_PRICES].max(axis=1) >= rows["limit"],
    "NegativeVolume": lambda rows: rows["volume"] < 0,
    "VolumeTooHigh": lambda rows: rows["volume"] >= AMOUNT_LIMIT,
    "HighTooLow": lambda rows: rows["high"] < rows[["open", "low", "close"]].max(axis=1),
    "LowTooHigh": lambda rows: rows["low"] > rows[["open", "close"]].min(axis=1),
    "DuplicateTime": lambda rows: rows["possible"] & (rows["time"] == rows["latest"]),
    "UnsortedTime": lambda rows: rows["possible"] & (rows["time"] < rows["latest"]),
    "ImpossibleTime": lambda rows: ~rows["time"].between(EARLIEST, LATEST, inclusive="left"),
    "FutureTime": lambda rows: rows["early"],
    "OffGrid": lambda rows: (rows["time"] - rows["grid"]) % rows["step"] != 0,
    "Gap": lambda rows: rows["possible"] & ((rows["time"] - rows["latest"] + rows["step"] // 2) // rows["step"] > 1),
    "ZeroVolume": lambda rows: rows["volume"] == 0,
    "StalePrice": lambda rows: rows["run"] >= STALE_RUN,
    "PriceJump": lambda rows: (rows["close"] - rows["last_close"]).abs() > LARGE_CHANGE * rows["last_close"],
}
"""Which rows break a rule, by its name, over the columns of `frame_of`."""

_NEEDED = {
    "NonFinite": COLUMNS,
    "NonPositivePrice": _PRICES,
    "PriceTooHigh": (*_PRICES, "limit"),
    "NegativeVolume": ("volume", "time"),
    "VolumeTooHigh": ("volume", "time"),
    "HighTooLow": _PRICES,
    "LowTooHigh": ("low", "open", "close"),
    "DuplicateTime": ("time", "latest", "possible"),
    "UnsortedTime": ("time", "latest", "possible"),
    "ImpossibleTime": ("time", "step"),
    "FutureTime": ("early", "time"),
    "OffGrid": ("time", "grid", "step"),
    "Gap": ("time", "latest", "possible", "step"),
    "ZeroVolume": ("volume", "time"),
    "StalePrice": ("run", "time"),
    "PriceJump": ("close", "last_close"),
}
"""The columns that each is tried on; an expectation over several columns wants two at least."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a checkpoint found: the mask of each row, and its results as JSON, with examples of the rows."""

    masks: Masks
    results: dict[str, Any]


class _KeepRule(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.keep_rule"
    condition_domain_keys = ("batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if")
    condition_value_keys = ("rule",)

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, column_list: Frame, rule: str, **_: object) -> Verdicts:  # noqa: N805 - the decorator makes it a class method
        return ~BROKEN[rule](column_list)


class ExpectRowsToKeepRule(MulticolumnMapExpectation):
    """Expect every row to keep a rule."""

    map_metric = "multicolumn_values.keep_rule"
    args_keys = ("column_list", "rule")
    success_keys = ("rule", "mostly")
    rule: str


def frame_of(bars: Bars, received: Integers | None = None) -> Frame:
    """The bars, and what the rules need to know of the rows before each."""
    rows = pd.DataFrame({"time": bars.time, **{name: getattr(bars, name) for name in COLUMNS}})
    rows["row"] = np.arange(len(rows))
    rows["step"], rows["limit"] = bars.step, price_limit(bars.market.symbol)
    rows["grid"] = int(bars.time[0]) // DAY * DAY % bars.step if bars.step > DAY and len(bars) else 0
    known = pd.Series(0 if received is None else received, index=rows.index)
    rows["possible"] = rows["time"].between(EARLIEST, LATEST, inclusive="left")
    rows["early"] = rows["possible"] & (known > 0) & (rows["time"] - known > LEAD - bars.step)
    rows["possible"] &= ~rows["early"]
    rows["latest"] = rows["time"].where(rows["possible"]).astype(np.float64).cummax().ffill().shift()
    broken = [name for name, bit in _BITS.items() if BAR_RULES[bit].severity is Severity.ERROR]
    sound = ~np.logical_or.reduce([BROKEN[name](rows).to_numpy(bool) for name in broken])
    rows["last_close"] = rows["close"].where(sound).ffill().shift()
    prices = rows.loc[sound, _PRICES]
    changed = (prices != prices.shift()).any(axis=1)
    rows["run"] = (changed.groupby(changed.cumsum()).cumcount() + 1).reindex(rows.index, fill_value=0)
    return rows


class Checkpoints:
    """Runs the suite over frames. Not for several threads at a time."""

    def __init__(self) -> None:
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
        source = context.data_sources.add_pandas("market data")
        batch: BatchDefinition[Any] = source.add_dataframe_asset("bars").add_batch_definition_whole_dataframe("whole")
        suite = context.suites.add(gx.ExpectationSuite("bars", expectations=[_expectation(rule) for rule in BAR_RULES.values()]))  # fmt: skip
        definition = context.validation_definitions.add(gx.ValidationDefinition(name="bars", data=batch, suite=suite))
        self._checkpoint = context.checkpoints.add(
            gx.Checkpoint(
                name="bars",
                validation_definitions=[definition],
                result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["row"]},
            )
        )

    def run(self, bars: Bars, received: Integers | None = None) -> Checked:
        """Try every rule on every row."""
        run = self._checkpoint.run(batch_parameters={"dataframe": frame_of(bars, received)})
        (result,) = run.run_results.values()
        masks = np.zeros(len(bars), dtype=np.int32)
        for one in result.results:
            rows = [place["row"] for place in one.result.get("unexpected_index_list") or ()]
            masks[rows] |= _BITS[one.expectation_config.kwargs["rule"]]  # type: ignore[union-attr]  # it has one
        return Checked(masks, _shortened(result.to_json_dict()))  # type: ignore[no-untyped-call]


@cache
def checkpoints() -> Checkpoints:
    """Those of this process: the first takes a while."""
    return Checkpoints()


def data_docs(results: Mapping[str, Any]) -> str:
    """The page of a `Checked.results`."""
    loaded = expectationSuiteValidationResultSchema.load(dict(results))
    page = ValidationResultsPageRenderer().render(loaded)
    html: str = DefaultJinjaPageView().render(page)  # type: ignore[no-untyped-call]
    return html


def _expectation(rule: QualityRule) -> ExpectRowsToKeepRule:
    return ExpectRowsToKeepRule(
        column_list=list(_NEEDED[rule.name]),
        rule=rule.name,
        ignore_row_if="never",
        severity=FailureSeverity.CRITICAL if rule.severity is Severity.ERROR else FailureSeverity.WARNING,
        description=f"{rule.name} ({rule.severity}): no bar where {rule.description}. Otherwise: {rule.remedy}.",
    )


def _shortened(results: dict[str, Any]) -> dict[str, Any]:
    """Without the lists that grow with the rows."""
    for one in results["results"]:
        for name in ("unexpected_list", "unexpected_index_list", "unexpected_index_query", "partial_unexpected_counts"):
            one["result"].pop(name, None)
    return results
