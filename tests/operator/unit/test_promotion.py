"""What counts as evidence, what opens a gate, and what is said when one stays shut."""

import math

import pytest

from tidewright.specs import status
from tidewright.specs.trading_strategy import BacktestEvidence, Promotion, StudyEvidence
from tidewright_operator.floor import Costs, Floor
from tidewright_operator.promotion import CompletedWork, evaluate

THIS, ANOTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
FACTS = {
    "start": "2020-01-01",
    "end": "2021-01-01",  # 366 days
    "bars": 8_784,
    "simulated": False,
    "commission": "0.1%",
    "slippage": "0.05%",
    "look_ahead": True,
    "data_quality": True,
    "sharpe": 1.0,
    "max_drawdown": 0.25,
    "trades": 50,
}


def run(name="run", digest=THIS, completed="2026-01-01T00:00:00Z", strategy="ma-cross", **facts):
    return CompletedWork(
        name, strategy, digest, completed, status.Tested.model_construct(**{"maker_commission": None, **FACTS, **facts})
    )


def asked(model, **fields):
    return model.model_validate(fields)


def verdict(*runs, floor=Floor(), **gates):  # noqa: B008 - immutable
    return evaluate("ma-cross", THIS, Promotion(backtest=asked(BacktestEvidence, **gates)), floor, runs)


ALL = {"minSharpe": 1.0, "maxDrawdown": "25%", "minTrades": 50, "minPeriod": "366d"}


def test_a_run_that_meets_every_gate_exactly_is_enough():
    found = verdict(run(), **ALL)

    assert found == (True, "EvidenceMet", "by BacktestRun run: Sharpe 1, drawdown 25%, trades 50", "run", None)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"sharpe": 0.99999}, "Sharpe is 0.99999 and must be at least 1 (spec.promotion.backtest.minSharpe)"),
        ({"sharpe": None}, "Sharpe is undefined and must be at least 1 (spec.promotion.backtest.minSharpe)"),
        ({"sharpe": math.nan}, "Sharpe is undefined and must be at least 1 (spec.promotion.backtest.minSharpe)"),
        ({"sharpe": math.inf}, "Sharpe is undefined and must be at least 1 (spec.promotion.backtest.minSharpe)"),
        (
            {"max_drawdown": 0.2501},
            "drawdown is 25.01% and must be at most 25% (spec.promotion.backtest.maxDrawdown)",
        ),
        (
            {"max_drawdown": None},
            "drawdown is undefined and must be at most 25% (spec.promotion.backtest.maxDrawdown)",
        ),
        (
            {"max_drawdown": math.nan},
            "drawdown is undefined and must be at most 25% (spec.promotion.backtest.maxDrawdown)",
        ),
        ({"trades": 49}, "trades is 49 and must be at least 50 (spec.promotion.backtest.minTrades)"),
        ({"trades": None}, "trades is undefined and must be at least 50 (spec.promotion.backtest.minTrades)"),
        ({"look_ahead": False}, "the strategy used bars before their close"),
    ],
)
def test_a_gate_that_stays_shut_names_figure_wanted_found_and_run(facts, message):
    found = verdict(run(**facts), **ALL)

    assert found == (False, "GatesFailed", f"BacktestRun run: {message}", "run", None)


def test_every_gate_that_stays_shut_is_told_of():
    found = verdict(run(sharpe=0.5, trades=3), **ALL)

    assert "Sharpe is 0.5" in found.message
    assert "trades is 3" in found.message


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"simulated": True}, "its data are simulated"),
        ({"look_ahead": None}, "nobody looked for look-ahead (set checks.lookAhead: true)"),
        ({"data_quality": None}, "nobody looked at the quality of its data (set checks.dataQuality: Block)"),
        ({"data_quality": False}, "its data broke a quality rule"),
        (
            {"end": "2020-12-31T23:00:00Z"},
            "its period of 365.958d is shorter than 366d (spec.promotion.backtest.minPeriod)",
        ),
    ],
)
def test_a_run_that_does_not_count_is_no_evidence_either_way(facts, why):
    found = verdict(run(**facts), **ALL)

    assert found == (
        False,
        "NoEvidence",
        f"no BacktestRun of the strategy as it is now counts: run: {why}",
        None,
        None,
    )
    earlier = run("earlier", completed="2025-01-01T00:00:00Z")
    assert verdict(earlier, run(**facts), **ALL).promoted


@pytest.mark.parametrize(
    ("costs", "facts", "why"),
    [
        ({"commission": "0.1%"}, {"commission": "0.0999%"}, "its commission of 0.0999% is below 0.1%"),
        ({"slippage": "0.05%"}, {"slippage": "0%"}, "its slippage of 0% is below 0.05%"),
        ({"commission": "0.1%"}, {"maker_commission": "0%"}, "its makerCommission of 0% is below 0.1%"),
        (
            {"commission": "0.1%", "makerCommission": "0.02%"},
            {"maker_commission": "0.01%"},
            "its makerCommission of 0.01% is below 0.02%",
        ),
    ],
)
def test_a_run_that_cost_too_little_does_not_count(costs, facts, why):
    found = verdict(run(**facts), floor=Floor(costs=asked(Costs, **costs)))

    assert found.reason == "NoEvidence"
    assert found.message.endswith(f"run: {why} (the namespace's floor)")


@pytest.mark.parametrize(
    ("costs", "facts"),
    [
        ({"commission": "0.1%", "slippage": "0.05%"}, {}),
        ({"commission": "0.1%", "makerCommission": "0.02%"}, {"maker_commission": "0.02%"}),
    ],
)
def test_costs_at_the_floor_count(costs, facts):
    assert verdict(run(**facts), floor=Floor(costs=asked(Costs, **costs))).promoted


@pytest.mark.parametrize(
    ("own", "floor", "message"),
    [
        ({"minSharpe": 1.1}, {"minSharpe": 0.5}, "at least 1.1 (spec.promotion.backtest.minSharpe)"),
        ({"minSharpe": 0.5}, {"minSharpe": 1.1}, "at least 1.1 (the namespace's floor)"),
        ({"minSharpe": 1.1}, {"minSharpe": 1.1}, "at least 1.1 (spec.promotion.backtest.minSharpe)"),
        ({}, {"minSharpe": 1.1}, "at least 1.1 (the namespace's floor)"),
        ({"maxDrawdown": "10%"}, {"maxDrawdown": "20%"}, "at most 10% (spec.promotion.backtest.maxDrawdown)"),
        ({"maxDrawdown": "20%"}, {"maxDrawdown": "9.5%"}, "at most 9.5% (the namespace's floor)"),
        ({"minTrades": 60}, {"minTrades": 1_000_000}, "at least 1000000 (the namespace's floor)"),
        ({"minPeriod": "1w"}, {"minPeriod": "500d"}, "shorter than 500d (the namespace's floor)"),
        ({"minPeriod": "100w"}, {"minPeriod": "500d"}, "shorter than 100w (spec.promotion.backtest.minPeriod)"),
    ],
)
def test_of_strategy_and_namespace_the_stricter_wins_gate_by_gate(own, floor, message):
    found = verdict(run(), floor=Floor(backtest=asked(BacktestEvidence, **floor)), **own)

    assert not found.promoted
    assert message in found.message


def test_a_floor_asks_for_evidence_of_a_strategy_that_asks_for_none():
    floor = Floor(backtest=asked(BacktestEvidence, minTrades=50))

    assert evaluate("ma-cross", THIS, None, floor, [run()]).promoted
    assert evaluate("ma-cross", THIS, None, floor, []).reason == "NoEvidence"


@pytest.mark.parametrize("promotion", [None, Promotion()])
def test_where_nothing_is_asked_for_nothing_is_promoted(promotion):
    found = evaluate("ma-cross", THIS, promotion, Floor(costs=Costs(commission="0.1%")), [run()])

    assert (found.promoted, found.reason) == (False, "NothingAskedFor")
    assert "set spec.promotion.backtest" in found.message


def test_evidence_without_a_figure_is_one_run_that_counts():
    assert verdict(run()) == (True, "EvidenceMet", "by BacktestRun run", "run", None)
    assert verdict(run(simulated=True)).reason == "NoEvidence"


def test_without_a_run_there_is_no_evidence():
    found = verdict(**ALL)

    assert (found.promoted, found.reason, found.backtest) == (False, "NoEvidence", None)
    assert "sha256:aaaaaaaaaaaa" in found.message


def test_a_run_of_another_version_of_the_strategy_is_none_of_this_one():
    found = verdict(run("old", digest=ANOTHER), **ALL)

    assert (found.promoted, found.reason) == (False, "StrategyChanged")
    assert found.message.endswith("; old tested another version of it")


def test_a_run_of_another_strategy_is_not_told_of():
    assert (
        verdict(run(digest=ANOTHER, strategy="other"), run("b", digest=ANOTHER, strategy=None)).reason == "NoEvidence"
    )


def test_a_run_with_the_same_strategy_in_place_counts():
    assert verdict(run(strategy=None), **ALL).promoted


def test_the_last_run_that_counts_decides_whatever_their_order():
    good, bad = run("good"), run("bad", completed="2026-01-02T00:00:00Z", sharpe=0.2)
    better = run("better", completed="2026-01-03T00:00:00Z")

    withdrawn = verdict(bad, good, **ALL)
    assert (withdrawn.promoted, withdrawn.reason, withdrawn.backtest) == (False, "Withdrawn", "bad")
    assert withdrawn.message.startswith("BacktestRun bad: Sharpe is 0.2")
    assert withdrawn.message.endswith("; it came after good, which was enough")
    assert verdict(better, bad, good, **ALL).backtest == "better"


def test_look_ahead_that_was_found_on_any_data_withdraws():
    cheats = run("cheats", completed="2026-01-02T00:00:00Z", simulated=True, look_ahead=False)

    assert verdict(run(), cheats, **ALL).reason == "Withdrawn"


def test_of_many_runs_that_do_not_count_the_last_are_told():
    runs = [run(f"r{day}", completed=f"2026-01-0{day}T00:00:00Z", simulated=True) for day in range(1, 6)]

    message = verdict(*runs, **ALL).message

    assert message.index("r5") < message.index("r4") < message.index("r3")
    assert "r2" not in message
    assert message.endswith("; and 2 more")


@pytest.mark.parametrize("whose", ["strategy", "namespace"])
def test_evidence_that_this_version_cannot_have_is_missed_honestly(whose):
    promotion = asked(Promotion, dryRun={"minPeriod": "14d"})
    enough = asked(Promotion, backtest={}, **promotion.record())
    floor = Floor() if whose == "strategy" else asked(Floor, **promotion.record())
    own = enough if whose == "strategy" else Promotion(backtest=BacktestEvidence())

    found = evaluate("ma-cross", THIS, own, floor, [run()])

    assert (found.promoted, found.reason, found.backtest) == (False, "NoEvidence", "run")
    assert "dry run" in found.message
    assert "EvidenceMet" not in found.message


FOUND = {
    **{name: FACTS[name] for name in ("start", "end", "bars", "simulated", "commission", "slippage")},
    "look_ahead": True,
    "data_quality": True,
    "deflated_sharpe": 0.95,
    "pbo": 0.4,
    "walk_forward_efficiency": 0.5,
}
ALL_OF_A_STUDY = {"minDeflatedSharpe": "95%", "maxPbo": "40%", "minWalkForwardEfficiency": "50%"}


def study(name="study", digest=THIS, completed="2026-01-01T00:00:00Z", strategy="ma-cross", **facts):
    tested = status.StudyTested.model_construct(
        **{"maker_commission": None, "strategy_digest": digest, **FOUND, **facts}
    )
    return CompletedWork(name, strategy, digest, completed, tested)


def verdict_on(*studies, floor=Floor(), runs=(), **gates):  # noqa: B008 - immutable
    return evaluate("ma-cross", THIS, Promotion(study=asked(StudyEvidence, **gates)), floor, runs, studies)


def test_a_study_that_meets_every_gate_exactly_is_enough():
    found = verdict_on(study(), **ALL_OF_A_STUDY)

    assert (found.promoted, found.reason, found.evidence) == (True, "EvidenceMet", {"study": "study"})
    assert found.message == ("by OptimizationStudy study: deflated Sharpe 95%, PBO 40%, walk-forward efficiency 50%")


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"deflated_sharpe": 0.9499}, "deflated Sharpe is 94.99% and must be at least 95%"),
        ({"deflated_sharpe": None}, "deflated Sharpe is undefined and must be at least 95%"),
        ({"pbo": 0.41}, "PBO is 41% and must be at most 40% (spec.promotion.study.maxPbo)"),
        ({"pbo": None}, "PBO is undefined and must be at most 40%"),
        ({"walk_forward_efficiency": -0.2}, "walk-forward efficiency is -20% and must be at least 50%"),
        ({"walk_forward_efficiency": None}, "walk-forward efficiency is undefined and must be at least 50%"),
        ({"look_ahead": False, "simulated": True}, "the strategy used bars before their close"),
    ],
)
def test_a_study_that_does_not_is_told_of_with_the_figure(facts, message):
    found = verdict_on(study(**facts), **ALL_OF_A_STUDY)

    assert (found.promoted, found.reason, found.study) == (False, "GatesFailed", "study")
    assert message in found.message


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"simulated": True}, "its data are simulated"),
        ({"data_quality": False}, "its data broke a quality rule"),
        ({"look_ahead": None}, "nobody looked for look-ahead"),
        ({"commission": "0.05%"}, "its commission of 0.05% is below 0.1% (the namespace's floor)"),
    ],
)
def test_a_study_counts_where_a_run_would(facts, why):
    found = verdict_on(study(**facts), floor=Floor(costs=asked(Costs, commission="0.1%")))

    assert (found.reason, found.study) == ("NoEvidence", None)
    assert why in found.message


def test_a_study_is_evidence_of_the_parameters_that_it_selects_and_of_no_others():
    assert "selects the strategy as it is now" in verdict_on().message
    found = verdict_on(study("old", digest=ANOTHER))

    assert found.reason == "StrategyChanged"
    assert found.message.endswith("; old selects another version of it")


def test_the_last_study_that_counts_decides():
    better = study("better", completed="2026-01-02T00:00:00Z")
    worse = study("worse", completed="2026-01-03T00:00:00Z", pbo=0.9)

    assert verdict_on(study(pbo=0.9), better, **ALL_OF_A_STUDY).study == "better"
    assert verdict_on(better, worse, **ALL_OF_A_STUDY).reason == "Withdrawn"


def test_the_floor_may_ask_for_a_study_too():
    floor = asked(Floor, study={"maxPbo": "20%"})

    assert "at most 20% (the namespace's floor)" in verdict_on(study(), floor=floor, **ALL_OF_A_STUDY).message
    assert evaluate("ma-cross", THIS, None, floor, [], [study(pbo=0.1)]).promoted


def test_where_both_are_asked_for_both_must_be_there():
    own = Promotion(backtest=BacktestEvidence(), study=StudyEvidence())

    assert evaluate("ma-cross", THIS, own, Floor(), [run()], [study()]).evidence == {
        "backtest": "run",
        "study": "study",
    }
    found = evaluate("ma-cross", THIS, own, Floor(), [run()], [])
    assert (found.promoted, found.evidence) == (False, {"backtest": "run"})
    assert found.message.startswith("no completed OptimizationStudy")
