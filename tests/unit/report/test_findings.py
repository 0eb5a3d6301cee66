import dataclasses

import pytest

from tidewright.report import findings


def test_the_verdict_is_one_sentence_about_what_was_tested_and_what_came_of_it(document, equity):
    assert findings.verdict(document, equity) == (
        "From 1 Jan 2024 to 18 Jul 2024, MovingAverageCross (fast 10, slow 30), trading BTC/USDT 1h on Binance, gained 25.0% after costs, "
        "turning 10,000 into 12,500 USDT in 3 trades, and was down by as much as 10.0% from an earlier peak; buying and holding lost 4.0%."
    )


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"totalReturn": -0.4}, "lost 40.0% after costs"),
        ({"totalReturn": 0.0, "trades": 0}, "never traded"),
        ({"totalReturn": None}, "has no defined return"),
        ({"totalReturn": 0.1, "trades": 1}, "in 1 trade;"),
    ],
)
def test_the_verdict_says_plainly_what_happened(document, result, words):
    assert words in findings.verdict(document | {"result": result}, {})


def test_an_empty_document_still_has_a_verdict():
    assert findings.verdict({}, {}) == "The strategy has no defined return."


def reasons(document):
    return [(notice.title, notice.alert) for notice in findings.notices(document)]


def test_a_runs_warnings_are_shown(document):
    assert reasons(document) == [("Few trades", False)]


def test_what_makes_the_figures_worthless_comes_first(document):
    document["warnings"].append({"reason": "SimulatedData", "message": "made up"})
    document["warnings"].append({"reason": "LookAheadUnchecked", "message": "nobody looked"})
    assert reasons(document) == [("Simulated data", True), ("Few trades", False), ("Look ahead unchecked", False)]


@pytest.mark.parametrize(
    ("repeatable", "detail"),
    [
        (
            True,
            "The strategy uses the future: column score at 2024-01-01 00:00 UTC (bar 41) changes when later bars become known.",
        ),
        (False, "The strategy answers differently when asked twice: column score at 2024-01-01 00:00 UTC (bar 41)."),
    ],
)
def test_a_failed_look_ahead_check_names_the_column_and_the_bar(document, repeatable, detail):
    violation = {"bar": 41, "time": 1_704_067_200_000, "column": "score", "repeatable": repeatable}
    document["checks"]["lookAhead"] = {"passed": False, "prefixes": 3, "violation": violation}
    check = findings.checks(document)[0]
    assert (check.state, check.detail) == ("failed", detail)


@pytest.mark.parametrize(
    ("deviation", "detail"),
    [
        (0.0, "After them no column depends on where history starts."),
        (0.25, "After them column average depends most on where history starts, by 0.25 of its standard deviations."),
    ],
)
def test_the_warm_up_check_names_the_worst_column(document, deviation, detail):
    document["checks"]["warmup"]["columns"].append({"column": "rsi", "deviation": 0.0})
    document["checks"]["warmup"]["columns"][0]["deviation"] = deviation
    assert findings.checks(document)[1].detail == f"30 bars declared. {detail}"


def test_checks_that_did_not_run_are_said_to_be_missing():
    assert [(check.state, check.detail) for check in findings.checks({})] == [("absent", "Not run.")] * 3


def test_a_comparison_with_another_engine_is_a_check_where_there_was_one():
    agreed = {"checks": {"engines": {"passed": True, "trades": 1_234, "causes": {}}}}
    assert dataclasses.astuple(findings.checks(agreed)[-1]) == (
        "Two engines",
        "passed",
        "1,234 trades compared with an independent engine: no difference.",
    )
    differed = {"checks": {"engines": {"passed": False, "trades": 2, "causes": {"Unexplained": 1}}}}
    assert dataclasses.astuple(findings.checks(differed)[-1])[1:] == (
        "failed",
        "2 trades compared with an independent engine; differences by cause: Unexplained 1.",
    )


def test_the_command_to_verify_is_safe_to_paste(document):
    assert findings.verify_command(document) == "tidewright verify 'runs/first run/result.json'"
    assert findings.verify_command({}) == "tidewright verify result.json"


def test_the_deflated_sharpe_ratio_is_listed_by_trials(document):
    assert findings.deflated(document) == [("1", "91.0%", 0.91), ("1,000", "–", 0.0)]


def test_provenance_says_which_funding_fell_due(document):
    assert "Funding rates" not in dict(findings.provenance(document))
    first, last = "2024-01-01T08:00:00Z", "2024-07-19T00:00:00Z"
    document["provenance"]["data"]["funding"] = {"digest": "sha256:f0", "count": 600, "first": first, "last": last}
    facts = dict(findings.provenance(document))
    assert facts["Funding rates"] == f"600, {first} to {last}"
    assert facts["Funding digest"] == "sha256:f0"
    document["provenance"]["data"]["funding"] = {"digest": "sha256:f1", "count": 0, "first": None, "last": None}
    assert dict(findings.provenance(document))["Funding rates"] == "0"


def test_provenance_holds_every_digest(document):
    facts = dict(findings.provenance(document))
    assert (facts["Data digest"], facts["Strategy digest"], facts["Result digest"]) == (
        "sha256:da7a",
        "sha256:57a7",
        "sha256:d16e",
    )
    assert facts["Period (UTC, end exclusive)"] == "2024-01-01 00:00 to 2024-07-19 00:00"


class TestSeveralSymbols:
    def test_the_verdict_names_a_few_and_counts_many(self, portfolio):
        document, equity, _ = portfolio
        assert "trading BTC/USDT, ETH/USDT, SOL/USDT 1h on Binance," in findings.verdict(document, equity)
        one = document["provenance"]["data"]["symbols"]["BTC/USDT"]
        document["provenance"]["data"]["symbols"] = {f"C{i}/USDT": one for i in range(12)}
        assert "trading 12 symbols 1h on Binance," in findings.verdict(document, equity)
        assert " USDT in " in findings.verdict(document, equity)

    def test_of_many_warnings_of_a_kind_the_first_are_told(self, portfolio):
        document, *_ = portfolio
        document["warnings"] = [{"reason": "ListedLate", "message": f"{i}"} for i in range(9)]
        document["warnings"].append({"reason": "SimulatedData", "message": "made up"})
        told = [notice.message for notice in findings.notices(document)]
        assert told == ["made up", "0", "1", "2", "And 6 more of this kind: see result.json."]

    def test_a_look_into_the_future_is_that_of_a_symbol(self, portfolio):
        document, *_ = portfolio
        violation = {"symbol": "ETH/USDT", "bar": 1, "time": 0, "column": "score", "repeatable": True}
        document["checks"]["lookAhead"] = {"passed": False, "prefixes": 3, "violation": violation}
        assert "column score of ETH/USDT at" in findings.checks(document)[0].detail

    def test_bars_are_counted_together_and_have_their_warm_up_each_for_itself(self, portfolio):
        document, *_ = portfolio
        assert dict(findings.provenance(document))["Bars"] == "4,800 bars"
