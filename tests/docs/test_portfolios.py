"""The page on portfolios names what there is."""

import re
from pathlib import Path

from tidewright.domain.ledger import Refusal
from tidewright.specs.backtest_run import Broker, Filters
from tidewright.specs.trading_strategy import Risk

PAGE = (Path(__file__).parents[2] / "docs" / "portfolios.md").read_text(encoding="utf-8")


def test_every_reason_of_a_refused_order_has_a_row():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [reason.title for reason in Refusal]


def test_fields_are_called_by_their_names():
    models = {"risk": Risk, "broker": Broker, "filters[]": Filters}
    for model, field in re.findall(r"`(?:broker\.)?(risk|broker|filters\[\])\.(\w+)`", PAGE):
        assert field in {info.alias or name for name, info in models[model].model_fields.items()}, field
