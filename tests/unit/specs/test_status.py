import pytest
from pydantic import ValidationError

from tidewright.specs.status import BacktestRunStatus, Condition, TradingStrategyStatus

FINISHED = {
    "type": "Finished",
    "status": "True",
    "reason": "DataMissing",
    "message": "no bars of BTC/USDT before 2020",
    "lastTransitionTime": "2024-01-31T12:00:00Z",
    "observedGeneration": 2,
}


def test_a_status_is_read_and_written_back():
    told = {
        "observedGeneration": 2,
        "conditions": [FINISHED],
        "progress": {"percent": 50, "stage": "Simulating", "eta": "2024-01-31T12:00:00Z"},
        "attempts": 1,
        "result": {"sharpe": "1.21"},
    }
    assert BacktestRunStatus.model_validate(told).record() == told


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("status", True),
        ("reason", "data missing"),
        ("reason", ""),
        ("lastTransitionTime", "now"),
        ("message", "x" * 4097),
    ],
)
def test_a_condition_is_one_that_a_script_can_switch_on(part, value):
    with pytest.raises(ValidationError):
        Condition.model_validate(FINISHED | {part: value})


def test_the_conditions_are_few():
    with pytest.raises(ValidationError, match="too_long"):
        TradingStrategyStatus.model_validate({"conditions": [FINISHED] * 17})
