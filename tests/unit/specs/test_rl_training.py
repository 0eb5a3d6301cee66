import pytest
from whole_resources import whole

from tidewright.domain.rules.parser import parse
from tidewright.specs.rl_training import Environment, RLTraining


@pytest.mark.parametrize("resource", whole("RLTraining"), ids=["full", "small"])
def test_a_training_is_read_and_written_back(resource):
    training = RLTraining.model_validate(resource)
    assert RLTraining.model_validate(training.record()) == training


def test_the_training_of_the_design_is_read():
    small = whole("RLTraining")[1]
    small["spec"] |= {
        "environment": {"window": 64, "reward": {"kind": "LogReturn", "drawdownPenalty": "10%"}, "evaluation": "20%"},
        "algorithm": {"name": "PPO", "config": {"lr": 0.0003}},
        "stop": {"iterations": 200},
        "checkpointEvery": 10,
        "runners": {"replicas": 2, "maxReplicas": 8},
        "backend": "Auto",
        "register": {"model": "ppo-btc"},
    }
    training = RLTraining.model_validate(small)
    assert training.spec.register_.model == "ppo-btc"
    assert training.record()["spec"]["register"] == {"model": "ppo-btc"}


def test_the_features_seen_without_being_asked_for_are_of_the_language_of_rules():
    for feature in Environment().features:
        parse(feature)
