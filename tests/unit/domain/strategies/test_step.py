import numpy as np
import pytest

from tidewright.domain.orders import hold
from tidewright.domain.strategies.step import Decisions, Step, StepStrategy, is_step
from tidewright.domain.strategies.strategy import SignalStrategy


class Patient(StepStrategy):
    def warmup(self, parameters):
        return 3

    @staticmethod
    def on_bar(state, position, view):
        return hold()


def test_a_strategy_that_is_asked_bar_by_bar_is_known_by_its_method():
    assert is_step(Patient())
    assert is_step(Patient)
    assert not is_step(SignalStrategy())


def test_a_strategy_needs_no_more_than_a_warm_up_and_what_it_does_at_a_bar():
    strategy = Patient()
    assert isinstance(strategy, Step)
    assert (strategy.name, strategy.parameters, strategy.state, strategy.columns(None, {})) == ("Patient", (), {}, {})


@pytest.mark.parametrize(
    ("method", "arguments", "remedy"),
    [("warmup", [{}], "return a whole number"), ("on_bar", [None, None, None], r"return hold\(\), buy\(\)")],
)
def test_what_is_left_out_is_asked_for(method, arguments, remedy):
    with pytest.raises(NotImplementedError, match=remedy):
        getattr(StepStrategy(), method)(*arguments)


def test_decisions_are_arrays_by_the_orders_fields():
    orders = np.full((4, 7), np.nan)
    orders[1:] = hold()
    orders[2, 0] = 1.0  # an entry
    orders[3, 4] = 90.0  # a stop
    decisions = Decisions(orders)

    assert list(decisions.by_name()) == [
        f"order.{name}" for name in ("side", "size", "limit", "trigger", "stop", "target", "leave")
    ]
    assert decisions.by_name()["order.stop"].tolist()[3] == 90.0
    assert decisions.asked.tolist() == [False, False, True, True]
