"""The user's page says what the language does."""

import re
from pathlib import Path

import pytest

from tidewright.domain.rules.bind import bind
from tidewright.domain.rules.check import check
from tidewright.domain.rules.evaluate import evaluate
from tidewright.domain.rules.function import Type
from tidewright.domain.rules.operators import OPERATORS
from tidewright.domain.rules.parser import parse
from tidewright.domain.rules.vocabulary import FUNCTIONS, SERIES

PAGE = (Path(__file__).parents[4] / "docs" / "rules.md").read_text()
EXAMPLES = re.search(r"```rules\n(.*?)```", PAGE, re.DOTALL).group(1).splitlines()


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_every_function_is_in_the_table(function):
    assert f"| `{function.signature}` | {function.description} |" in PAGE


def test_the_table_has_no_function_that_is_not_there():
    assert set(re.findall(r"^\| `([a-z_]+)\(", PAGE, re.MULTILINE)) == set(FUNCTIONS)


@pytest.mark.parametrize("word", [*SERIES, *OPERATORS])
def test_every_series_and_operator_is_mentioned(word):
    assert re.search(rf"`[^`]*{re.escape(word)}[^`]*`", PAGE)


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_a_condition_that_can_be_computed(text, bars):
    expression = parse(text)
    assert check(expression, {}) is Type.CONDITION
    assert evaluate(bind(expression, {}), bars).shape == (len(bars),)
