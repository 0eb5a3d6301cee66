from copy import deepcopy

import numpy as np
import pytest

from tidewright.report import comparison
from tidewright.report.page import render_comparison

DAY = 86_400_000
MOMENTS = np.arange(4) * DAY
WORTH = np.array([[200.0, 300.0, 150.0, 400.0], [50.0, 50.0, 60.0, 55.0]])


def run(rank, name, sharpe, p_value, **figures):
    low, high = (None, None) if p_value is None else (sharpe - 2, sharpe)
    return {
        "rank": rank,
        "name": name,
        "source": f"{name}/result.json",
        "digest": f"sha256:{name}",
        "figures": {"totalReturn": 0.5, "sharpe": sharpe, "cagr": 0.1, "volatility": 0.3, "maxDrawdown": 0.2, "calmar": None, "trades": 12, "winRate": 0.4} | figures,
        "sharpeDifference": {"difference": sharpe - 2, "interval": [low, high], "pValue": p_value},
    }  # fmt: skip


@pytest.fixture
def document():
    return {
        "kind": "Comparison",
        "by": "sharpe",
        "against": "good",
        "period": {"start": "2023-01-01T00:00:00Z", "end": "2023-01-04T00:00:00Z", "periods": 3},
        "runs": [run(1, "good", 2.0, 1.0), run(2, "poor", 0.5, 0.3, maxDrawdown=0.1, totalReturn=0.1)],
        "correlations": [[1.0, 0.25], [0.25, None]],
        "differences": [
            {"group": "Parameters", "field": "fast", "values": ["5", None]},
            {"group": "Parameters", "field": "slow", "values": ["20", "50"]},
            {"group": "Data", "field": "digest", "values": ["sha256:" + "ab" * 32, "sha256:" + "cd" * 32]},
        ],
        "warnings": [{"reason": "Costs", "message": "Not the same commission."}],
    }


def with_p_values(document, *p_values):
    document = deepcopy(document)
    document["runs"] = [document["runs"][0], *(run(i, f"run {i}", 0.5, p) for i, p in enumerate(p_values, 2))]
    return document


def test_the_verdict_names_the_first_and_what_chance_could_do(document):
    assert comparison.verdict(document) == (
        "Of 2 runs from 2023-01-01 to 2023-01-04, good ranks first by Sharpe ratio, with 2.00. "
        "Chance alone would explain how far the other Sharpe ratios are from that of good."
    )


@pytest.mark.parametrize(
    ("p_values", "words"),
    [
        ((0.01, 0.2), "The Sharpe ratio of run 2 is further from that of good than chance would explain."),
        ((0.01, 0.2, 0.04), "The Sharpe ratios of run 2 and run 4 are further from that of good"),
        ((None,), "cannot be told."),
    ],
)
def test_the_verdict_tells_more_than_chance_from_chance(document, p_values, words):
    assert words in comparison.verdict(with_p_values(document, *p_values))


def test_a_verdict_by_another_figure_reads_as_a_sentence(document):
    assert "first by maximum drawdown, with 20.0%." in comparison.verdict(document | {"by": "maxDrawdown"})


def test_the_figure_that_is_ranked_by_stands_in_front(document):
    headings, rows = comparison.leaderboard(document | {"by": "winRate"})
    assert headings[:2] == ["Win rate", "Sharpe ratio"]
    assert headings.count("Win rate") == 1
    assert (rows[0].title, rows[0].cells[:2]) == ("good", ("40.0%", "2.00"))


def test_the_best_of_each_figure_is_known_where_there_is_one(document):
    best = {row.title: row.best for row in comparison.figures(document)}
    assert (best["Total return"], best["Maximum drawdown"]) == (0, 1)
    assert (best["Trades"], best["Calmar ratio"], best["Win rate"]) == (
        -1,
        -1,
        -1,
    )  # neither good nor bad, undefined, equal


def test_all_but_the_baseline_are_held_against_it(document):
    (row,) = comparison.sharpe_differences(document)
    assert (row.name, row.difference, row.interval, row.p_value) == ("poor", "−1.50", "−1.50 to +0.50", "0.300")
    assert not row.clear
    assert comparison.sharpe_differences(with_p_values(document, 0.04))[0].clear


def test_an_undefined_interval_is_a_dash(document):
    (row,) = comparison.sharpe_differences(with_p_values(document, None))
    assert (row.interval, row.p_value, row.clear) == ("–", "–", False)


def test_correlations_leave_out_a_runs_own(document):
    assert comparison.correlations(document) == [
        ("good", [("–", 0.0), ("0.25", 0.25)]),
        ("poor", [("0.25", 0.25), ("–", 0.0)]),
    ]


def test_differences_stand_by_group_with_short_digests(document):
    groups = dict(comparison.differences(document))
    assert [(row.title, row.cells) for row in groups["Parameters"]] == [("fast", ("5", "–")), ("slow", ("20", "50"))]
    assert groups["Data"][0].cells == ("abababababab", "cdcdcdcdcdcd")


def test_the_chart_begins_with_a_hundred_and_falls_from_there(document):
    source = comparison.chart(document, MOMENTS, WORTH)["dataset"]["source"]
    assert source["time"] == MOMENTS.tolist()
    assert source["worth0"] == [100.0, 150.0, 75.0, 200.0]
    assert source["below0"] == [0.0, 0.0, -0.5, 0.0]
    assert source["worth1"] == [100.0, 100.0, 120.0, 110.0]


def test_of_many_runs_the_best_are_drawn_each_in_a_way_of_its_own(document):
    many = document | {"runs": [run(i, f"run {i}", 1.0, 0.5) for i in range(30)]}
    option = comparison.chart(many, MOMENTS, np.ones((30, 4)))
    assert option["legend"]["data"] == [f"run {i}" for i in range(comparison.MOST_DRAWN)]
    looks = {(series["lineStyle"]["color"], series["lineStyle"]["type"]) for series in option["series"]}
    assert len(looks) == comparison.MOST_DRAWN


def test_the_page_holds_everything_and_escapes_what_it_is_given(document):
    hostile = "</script><script>alert(1)</script>"
    document["runs"][1]["name"] = hostile
    page = render_comparison(document, MOMENTS, WORTH)
    assert hostile not in page
    for words in ("Not the same commission.", "abababababab", "poor/result.json", "2023-01-01 00:00", "May be chance"):
        assert words in page


def test_a_page_of_runs_made_of_the_same_says_so(document):
    assert "Nothing: the runs were made of the same." in render_comparison(
        document | {"differences": []}, MOMENTS, WORTH
    )


def test_simulated_data_is_told_on_every_page(document):
    alarm = [{"reason": "SimulatedData", "message": "Made up."}]
    page = render_comparison(document | {"warnings": alarm}, MOMENTS, WORTH)
    assert page.count("SIMULATED DATA") == 2  # on the screen and on paper
    assert "Do not rely on these figures" in page
