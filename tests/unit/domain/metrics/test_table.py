"""The table of figures and the figures themselves name the same things."""

from dataclasses import fields

from tidewright.domain.metrics.measure import Metrics
from tidewright.domain.metrics.table import METRICS

BESIDE_THE_TABLE = {
    "periods",
    "periods_per_year",
    "max_drawdown_start",
    "max_drawdown_trough",
    "max_drawdown_end",
}


def test_names_are_unique():
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert len({metric.title for metric in METRICS}) == len(METRICS)


def test_every_figure_is_in_the_table_and_every_row_has_a_figure():
    assert {metric.field for metric in METRICS} == {field.name for field in fields(Metrics)} - BESIDE_THE_TABLE


def test_names_are_written_as_in_a_status():
    assert {"totalReturn", "maxDrawdownMoney", "profitFactor", "sqn"} < {metric.name for metric in METRICS}


def test_descriptions_are_one_sentence():
    assert all(metric.description.endswith(".") and "\n" not in metric.description for metric in METRICS)
