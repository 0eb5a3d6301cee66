"""From a study to the strategy that it found, wherever the study is written down."""

import pytest
from made_up_studies import nothing_found, study

from tidewright.runs.found_strategy import found_in, found_on_cluster, with_values
from tidewright.runs.strategies import resolve_strategy
from tidewright.specs.manifest import Document, Manifest, as_yaml
from tidewright.specs.trading_strategy import StrategySpec

DIGEST = "sha256:" + "ab" * 32


def spec(**risk):
    return StrategySpec.model_validate(
        {
            "source": {"builtin": "MovingAverageCross"},
            "parameters": {"fast": 10, "slow": 30},
            "symbols": ["BTC/USDT"],
            "timeframe": "1h",
            "risk": risk,
        }
    )


def on_cluster(**status):
    return {
        "metadata": {"name": "ma-cross-study"},
        "status": {
            "best": {"trial": 17, "value": "1.2", "parameters": {"fast": 12, "risk.stopLoss": "3%"}},
            "result": {"verdict": "Robust"},
            "provenance": {"resultDigest": DIGEST},
            **status,
        },
    }


def test_searched_values_take_their_places_and_all_else_stays():
    found = with_values(spec(takeProfit="9%"), {"fast": 12, "risk.stopLoss": "3%", "risk.trailingStop.distance": "1%"})
    assert found.parameters == {"fast": 12, "slow": 30}
    assert found.risk == spec(takeProfit="9%", stopLoss="3%", trailingStop={"distance": "1%"}).risk
    assert found.source == spec().source


@pytest.mark.parametrize("candidate", ["selected", "best", "robust", "knee"])
def test_every_candidate_is_written_with_its_own_values(candidate):
    made = study()
    wanted = made.record["selected"] if candidate == "selected" else made.record["candidates"][candidate]
    found = found_in(made.record, candidate)
    assert found.trial == wanted["number"]
    parameters = {name: value for name, value in wanted["parameters"].items() if name != "risk.stopLoss"}
    assert found.strategy.parameters == {**parameters, "exit": True}
    assert found.strategy.risk.stop_loss == wanted["parameters"]["risk.stopLoss"]
    assert found.strategy.risk.position_size.fraction == "95%"


def test_the_resource_says_where_its_parameters_came_from_and_is_read_back():
    found = found_in(study().record)
    resource = found.resource("ma-cross")
    assert resource["metadata"]["annotations"] == {
        "tidewright.io/study": "ma-cross-study",
        "tidewright.io/trial": str(found.trial),
        "tidewright.io/study-digest": study().record["provenance"]["resultDigest"],
    }
    manifest = Manifest()
    manifest.read("written", as_yaml([resource]))
    assert manifest.problems == []
    ((_, strategy, _),) = manifest.of_kind("TradingStrategy")
    assert strategy.spec.snapshot() == found.strategy


def test_a_study_without_the_candidate_has_nothing_to_write():
    assert found_in(nothing_found().record) is None
    assert found_in(study(objectives=("sharpe",)).record, "knee") is None


def test_a_study_on_a_cluster_gives_the_selected_trial():
    found = found_on_cluster(on_cluster(tested={"simulated": True}), spec().record())
    assert (found.study, found.trial, found.digest) == ("ma-cross-study", 17, DIGEST)
    assert (found.judged.verdict, found.judged.simulated, found.changed) == ("Robust", True, False)
    assert found.strategy == with_values(spec(), {"fast": 12, "risk.stopLoss": "3%"})


@pytest.mark.parametrize("status", [{"result": None}, {"best": None}])
def test_a_study_that_is_not_done_gives_nothing(status):
    assert found_on_cluster(on_cluster(**status), spec().record()) is None
    assert found_on_cluster({"metadata": {"name": "new"}}, spec().record()) is None


def test_a_strategy_that_is_another_by_now_is_told_by_its_digest():
    studied = with_values(spec(), {"fast": 12, "risk.stopLoss": "3%"})
    digest = resolve_strategy(studied, Document("", {}, {}), ()).digest
    study_there = on_cluster(tested={"strategyDigest": digest})
    assert not found_on_cluster(study_there, spec().record()).changed
    assert found_on_cluster(study_there, spec(takeProfit="9%").record()).changed


def test_code_that_is_not_in_the_resource_is_never_asked():
    elsewhere = spec().record() | {"source": {"classRef": {"module": "no_such_module", "class": "Mine"}}}
    assert not found_on_cluster(on_cluster(tested={"strategyDigest": DIGEST}), elsewhere).changed
