"""docs/operator.md says what there is."""

import ast
import re
from pathlib import Path

import pytest

from tidewright.runs.exits import EXIT_CODES
from tidewright_operator import catalogue, kinds
from tidewright_operator.settings import Settings

TEXT = (Path(__file__).parents[3] / "docs/operator.md").read_text(encoding="utf-8")
CAMEL_CASE = r"([A-Z][a-z]+)+"
NAMED = set(re.findall(r"`([A-Za-z_…:/]+)`", TEXT))


def reasons(*modules):
    """The words in CamelCase that these modules have as texts of their own."""
    for module in modules:
        tree = ast.parse((Path(kinds.__file__).parent / module).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(text := node.value, str)
                and re.fullmatch(CAMEL_CASE, text)
            ):
                yield text


@pytest.mark.parametrize("variable", [f"TIDEWRIGHT_{name.upper()}" for name in Settings.__annotations__])
def test_every_variable_is_there(variable):
    assert variable in NAMED


RUN = ("backtest_status.py", "backtest_run.py", "work_status.py", "work_input.py", "jobs.py")
STUDY = ("study_status.py", "optimization_study.py", "study_deletion.py")
NO_REASONS = {
    *("Disrupted", "Done", "True", "Searching"),  # what nobody is told of, and words of other conditions
    *("Delete", "PodFailurePolicy", "Succeeded", "Unknown"),  # Kubernetes' own
    *("BacktestRun", "TradingStrategy", "OptimizationStudy"),
}


@pytest.mark.parametrize("reason", sorted({*EXIT_CODES, *reasons(*RUN, *STUDY)} - NO_REASONS))
def test_every_condition_and_reason_of_a_run_is_there(reason):
    assert reason in NAMED


@pytest.mark.parametrize(
    "reason",
    sorted(
        {*reasons("strategy_status.py", "trading_strategy.py", "../promotion.py")}
        - {"True", "False", "Unknown"}
        - {"ReplicaFailure", "Sharpe", "BacktestRun", "OptimizationStudy"}  # a Deployment's own word, a figure, kinds
    ),
)
def test_every_condition_and_reason_of_a_strategy_is_there(reason):
    assert reason in NAMED


@pytest.mark.parametrize("kind", catalogue.KINDS)
def test_every_kind_is_there(kind):
    assert kind in TEXT
