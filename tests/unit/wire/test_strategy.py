"""What a strategy declares and answers survives the wire; half an answer is refused."""

import math

import numpy as np
import pytest

from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.evaluation import Evaluation
from tidewright.domain.strategies.strategy import Parameter, Signals
from tidewright.v1 import strategy_pb2 as pb
from tidewright.v1.strategy_service_pb2 import EvaluateResponse
from tidewright.wire.market import CHUNK, Malformed
from tidewright.wire.strategy import (
    evaluation_messages,
    evaluation_of,
    parameter_message,
    parameter_of,
    value_messages,
    values_of,
)


def sent(message):
    """The message as it arrives."""
    return type(message).FromString(message.SerializeToString())


def answer(length: int, *, short: bool = False) -> Evaluation:
    numbers = np.random.default_rng(3)
    columns = {"fast": numbers.normal(size=length), "calm": numbers.random(length) < 0.5}
    columns["fast"][:2] = math.nan
    sides = [numbers.random(length) < 0.1 for _ in range(4 if short else 2)]
    return Evaluation(columns, Signals(*sides))


@pytest.mark.parametrize("parameter", [p for strategy in BUILTINS.values() for p in strategy.parameters])
def test_a_declared_parameter_survives_the_wire(parameter):
    assert parameter_of(sent(parameter_message(parameter))) == parameter


def test_a_choice_survives_the_wire():
    parameter = Parameter("mode", "Choice", "fast", choices=("fast", "slow"), description="How.")
    assert parameter_of(sent(parameter_message(parameter))) == parameter


def test_values_keep_their_kind():
    values = {"a": 1, "b": 1.0, "c": True, "d": "fast"}
    arrived = values_of(map(sent, value_messages(values)))
    assert arrived == values
    assert [type(value) for value in arrived.values()] == [int, float, bool, str]


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        ([pb.ParameterValue(name="fast")], "'fast' has no value"),
        ([pb.ParameterValue(name="fast", whole=1)] * 2, "'fast' is given twice"),
    ],
)
def test_values_that_say_nothing_or_two_things_are_refused(messages, named):
    with pytest.raises(Malformed, match=named):
        values_of(messages)


def test_a_parameter_without_a_kind_is_refused():
    with pytest.raises(Malformed, match="'fast' is of kind 0; send one of Int, Float, Bool, Choice"):
        parameter_of(pb.Parameter(default=pb.ParameterValue(name="fast", whole=1)))


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("length", [0, 5, CHUNK + 3])
def test_an_evaluation_survives_the_wire_in_parts(length, short):
    said = answer(length, short=short and length > 0)
    arrived = evaluation_of([sent(message) for message in evaluation_messages(said, length)], length)
    for name, values in said.signals.by_name().items():
        np.testing.assert_array_equal(arrived.signals.by_name()[name], values)
    if length:
        assert list(arrived.columns) == ["fast", "calm"]
        np.testing.assert_array_equal(arrived.columns["fast"].view(np.int64), said.columns["fast"].view(np.int64))
        np.testing.assert_array_equal(arrived.columns["calm"], said.columns["calm"])
        assert arrived.columns["calm"].dtype == np.bool_


def test_sixty_columns_fit_into_what_grpc_takes_by_default():
    columns = {f"column {i}": np.ones(CHUNK) for i in range(60)}
    never = np.zeros(CHUNK, dtype=np.bool_)
    (message,) = evaluation_messages(Evaluation(columns, Signals(never, never, never, never)), CHUNK)
    assert message.ByteSize() < 4 << 20


def _without(field: str):
    (message,) = evaluation_messages(answer(5, short=True), 5)
    message.signals.ClearField(field)
    return [message]


def _columns_that_change():
    message = next(evaluation_messages(answer(5), 5))
    other = EvaluateResponse()
    other.CopyFrom(message)
    del other.columns[1]
    return [message, other]


def _one_name_for_two_columns():
    message = next(evaluation_messages(answer(5), 5))
    message.columns[1].name = "fast"
    return [message]


@pytest.mark.parametrize(
    ("messages", "length", "named"),
    [
        (list(evaluation_messages(answer(5), 5)), 6, "an answer for 5 of 6 bars"),
        (list(evaluation_messages(answer(5), 5)), 4, "a part of 5 bars where 4 are left"),
        ([EvaluateResponse()], 4, "a part of 0 bars"),
        (_without("enter"), 5, "enter or exit is missing"),
        (_without("exit_short"), 5, "one of enter_short and exit_short is missing"),
        (_columns_that_change(), 10, "calm in one part and not in another"),
        (_one_name_for_two_columns(), 5, "2 of them have 1 names"),
    ],
)
def test_an_answer_that_is_none_is_refused(messages, length, named):
    with pytest.raises(Malformed, match=named):
        evaluation_of(messages, length)


def test_a_column_of_the_wrong_length_is_refused():
    (message,) = evaluation_messages(answer(5), 5)
    message.columns[0].numbers.values.append(1.0)
    with pytest.raises(Malformed, match="fast: 6 values for 5 bars; send one for every bar"):
        evaluation_of([message], 5)
