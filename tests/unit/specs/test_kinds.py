import re

import pytest

from tidewright.specs.crd import crd
from tidewright.specs.kinds import KINDS
from tidewright.specs.manifest import RESOURCES


def test_the_kinds_and_how_each_is_named():
    assert [(kind.name, kind.plural, kind.short, kind.is_work) for kind in KINDS] == [
        ("TradingStrategy", "tradingstrategies", "strat", False),
        ("BacktestRun", "backtestruns", "bt", True),
        ("OptimizationStudy", "optimizationstudies", "opt", True),
        ("RLTraining", "rltrainings", "rlt", True),
    ]
    assert list(RESOURCES) == [kind.name for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_column_shows_a_field_that_there_is(kind):
    schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    scale = (kind.scale.wanted, kind.scale.there, kind.scale.selector) if kind.scale else ()
    for path in [*(column.path for column in kind.columns), *scale]:
        if path.startswith(".metadata"):
            continue
        at = schema
        for part in re.sub(r"\[\?\(.*\)\]", "[]", path).removeprefix(".").split("."):
            at = at["properties"][part.removesuffix("[]")]
            at = at["items"] if part.endswith("[]") else at


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_line_of_a_list_fits_a_terminal(kind):
    shown = [column for column in kind.columns if not column.wide]
    assert len(shown) <= 8
    assert shown[-1].name == "Age"
