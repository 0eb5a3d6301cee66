import json

import numpy as np
import pytest

from tidewright.report.monte_carlo import fan, rows, ways
from tidewright.report.page import render

DAY = 86_400_000
QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]


def way(steps, **more):
    """Paths that spread evenly from 10,000 on."""
    steps = np.array(steps)
    equity = [(10_000 + slope * steps).tolist() for slope in (-20, -10, 1, 10, 20)]
    return {
        "observations": int(steps[-1]),
        "quantiles": [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99],
        "finalEquity": [5_000.0, 6_000.0, 8_000.0, 10_000.0, 12_000.0, 14_000.0, 15_000.0],
        "maxDrawdown": [0.01, 0.02, 0.1, 0.2, 0.3, 0.4, 0.5],
        "ownMaxDrawdown": 0.15,
        "deeper": 0.6,
        "loss": 0.45,
        "ruin": [{"loss": 0.25, "probability": 0.3}, {"loss": 0.5, "probability": 0.02}],
        "bands": {"steps": steps.tolist(), "quantiles": QUANTILES, "equity": equity},
        **more,
    }


@pytest.fixture
def drawn(document):
    return document | {
        "monteCarlo": {"paths": 1000, "ways": {"dailyReturns": way([0, 100, 200]), "tradesDrawn": way([0, 1, 3])}}
    }


def source(option):
    return option["dataset"]["source"]


def test_a_run_without_other_histories_has_no_fan_and_no_table(document, equity, trades):
    assert fan(document, "dailyReturns", equity, trades) is None
    assert (ways(document), rows(document)) == ({}, [])


def test_the_fan_of_days_is_over_the_ends_of_the_days(drawn, equity, trades):
    at = source(fan(drawn, "dailyReturns", equity, trades))
    start = int(equity["time"][0])
    assert at["time"] == [start, start + 100 * DAY, start + 200 * DAY]
    assert at["own"] == pytest.approx([10_000.0, equity["equity"][100 * 24 - 1], equity["equity"][-1]], rel=1e-6)


def test_the_fan_of_trades_is_over_their_number(drawn, equity, trades):
    option = fan(drawn, "tradesDrawn", equity, trades)
    assert option["xAxis"][0]["type"] == "value"
    assert source(option)["time"] == [0, 1, 3]
    before = equity["equity"][[9, 49, 89]]
    grown = 10_000 * np.cumprod(1 + trades["pnl"] / before)
    assert source(option)["own"] == pytest.approx([10_000.0, grown[0], grown[2]], rel=1e-6)


def test_areas_are_stacked_from_the_lowest_quantile_to_the_highest(drawn, equity, trades):
    option = fan(drawn, "dailyReturns", equity, trades)
    stacked = [series["encode"]["y"] for series in option["series"] if series.get("stack")]
    tops = np.cumsum([source(option)[name] for name in stacked], axis=0)
    assert tops == pytest.approx(np.array(drawn["monteCarlo"]["ways"]["dailyReturns"]["bands"]["equity"]))


def test_a_tooltip_tells_quantiles_and_no_area(drawn, equity, trades):
    told = [
        s["name"] for s in fan(drawn, "dailyReturns", equity, trades)["series"] if s["tooltip"].get("show") is not False
    ]
    above = ["5%", "25%", "Half", "75%", "95%"]
    assert told == [f"{share} of the paths lie above" for share in above] + ["This run"]


def test_a_fan_is_told_in_words_too(drawn, equity, trades):
    words = fan(drawn, "dailyReturns", equity, trades)["aria"]["label"]["description"]
    assert words.startswith("Days drawn in blocks")
    assert "nine in ten end between 6,000.00 and 14,000.00, half of them above 10,200.00" in words


def test_the_table_tells_drawdown_end_and_ruin_of_every_way(drawn):
    told = {row.title: row.values for row in rows(drawn)}
    assert told["Of this run"] == ("15.0%", "15.0%")
    assert told["Of one path in twenty, at least"] == ("40.0%", "40.0%")
    assert told["One path in twenty ends below"] == ("6,000", "6,000")
    assert told["Paths that end with a loss"] == ("45.0%", "45.0%")
    assert told["50%"] == ("2.0%", "2.0%")
    assert [row.title for row in rows(drawn) if row.heading][1] == "Account at the end (USDT)"


def test_the_page_has_a_section_where_there_are_other_histories_and_none_elsewhere(document, drawn, equity, trades):
    assert 'id="montecarlo"' not in render(document, equity, trades)
    page = render(drawn, equity, trades)
    assert page.count('id="montecarlo"') == page.count('href="#montecarlo"') == 1
    assert 'data-chart="dailyReturns"' in page
    assert json.loads(page.split('id="charts">')[1].split("</script>")[0])["tradesDrawn"]["series"]


def test_a_run_too_short_for_other_histories_says_so(document, equity, trades):
    page = render(document | {"monteCarlo": {"paths": 1000, "ways": {}}}, equity, trades)
    assert "too few days and too few trades" in page
