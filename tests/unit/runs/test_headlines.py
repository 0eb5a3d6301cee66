import pytest

from tidewright.runs import headlines
from tidewright.runs.backtest import run_backtest
from tidewright.runs.headlines import figure, provenance_of, result_of
from tidewright.runs.record import document_of


@pytest.fixture
def document(planned, make_store, make_bars):
    return document_of(run_backtest(planned(), make_store(make_bars())))


def test_the_figures_asked_for_first_are_those_of_the_record(document):
    result = result_of(document, "file:///a/report.html", "file:///a").record()
    assert result["totalReturn"] == f"{document['result']['totalReturn']:.2%}"
    assert result["trades"] == str(document["result"]["trades"])
    assert result["benchmarkReturn"] == f"{document['benchmark']['totalReturn']:.2%}"
    assert result["warnings"] == str(len(document["warnings"]))
    assert (result["report"], result["artifacts"]) == ("file:///a/report.html", "file:///a")


def test_what_it_was_made_of_and_tested_on_is_that_of_the_record(document):
    made_of = document["provenance"]
    assert provenance_of(document).record() == {
        "dataDigest": made_of["data"]["digest"],
        "strategyDigest": made_of["strategy"]["digest"],
        "resultDigest": made_of["digest"],
        "arithmeticRevision": made_of["engine"]["arithmeticRevision"],
        "engineVersion": made_of["engine"]["version"],
        "seed": 7,
    }
    tested = headlines.tested_of(document).record()
    assert (tested["start"], tested["bars"], tested["simulated"]) == ("2023-01-01T00:00:00Z", 2_000, False)
    assert (tested["commission"], tested["slippage"], tested["lookAhead"]) == ("0.1%", "0.05%", True)
    assert (tested["sharpe"], tested["trades"]) == (document["result"]["sharpe"], document["result"]["trades"])


def test_a_check_that_nobody_made_and_a_figure_without_a_value_are_absent(document):
    nobody = {**document, "checks": {}, "result": {**document["result"], "sharpe": None}}
    assert not {"lookAhead", "dataQuality", "sharpe"} & headlines.tested_of(nobody).record().keys()
    assert "sharpe" not in result_of(nobody, "", "").record()


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.14057, "percent", "14.06%"),
        (-1.0, "percent", "-100.00%"),
        (1234.5, "percent", "123450.00%"),
        (1e305, "percent", "1.000000e+307%"),
        (1.7e308, "percent", "1.700000e+310%"),
        (132, "count", "132"),
        (0.99996, "ratio", "1.0000"),
        (-1e40, "ratio", "-1.000000e+40"),
        (None, "ratio", None),
    ],
)
def test_figures_are_text_that_a_script_can_read_and_that_a_status_has_room_for(value, unit, shown):
    assert figure(value, unit) == shown
