"""What a strategy declares and what it answers, as messages."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidewright.domain.strategies.evaluation import Evaluation
from tidewright.domain.strategies.strategy import Parameter, Parameters, Signals, Value
from tidewright.v1 import strategy_pb2 as pb
from tidewright.v1 import strategy_service_pb2 as service
from tidewright.wire.market import CHUNK, Malformed

_KINDS = {
    "Int": pb.PARAMETER_KIND_INT,
    "Float": pb.PARAMETER_KIND_FLOAT,
    "Bool": pb.PARAMETER_KIND_BOOL,
    "Choice": pb.PARAMETER_KIND_CHOICE,
}
_FIELDS: dict[type, str] = {bool: "flag", int: "whole", float: "number", str: "word"}
MOST_COLUMNS = 128
"""Series that a strategy may have over the wire, so that a part of an answer stays below `LARGEST_ANSWER`."""

LARGEST_ANSWER = 16 << 20
"""Bytes of the largest part of an answer."""

_LONGEST_NAME = 80
_SIGNALS = ("enter", "exit", "enter_short", "exit_short")


def value_messages(parameters: Parameters) -> list[pb.ParameterValue]:
    return [_value_message(name, value) for name, value in parameters.items()]


def values_of(messages: Iterable[pb.ParameterValue]) -> dict[str, Value]:
    """Raises Malformed for a parameter without a value, or with two."""
    values: dict[str, Value] = {}
    for message in messages:
        if message.name in values:
            raise Malformed(f"parameters: {message.name!r} is given twice; give it once")
        values[message.name] = _value_of(message)
    return values


def parameter_message(parameter: Parameter) -> pb.Parameter:
    return pb.Parameter(
        kind=_KINDS[parameter.kind],
        default=_value_message(parameter.name, parameter.default),
        low=parameter.low,
        high=parameter.high,
        step=parameter.step,
        choices=parameter.choices,
        description=parameter.description,
    )


def parameter_of(message: pb.Parameter) -> Parameter:
    """Raises Malformed for a parameter without a kind or a default."""
    kinds: dict[int, Any] = {number: kind for kind, number in _KINDS.items()}
    name = message.default.name
    if message.kind not in kinds:
        raise Malformed(f"parameters: {name!r} is of kind {message.kind}; send one of {', '.join(_KINDS)}")
    bounds = {field: getattr(message, field) if message.HasField(field) else None for field in ("low", "high", "step")}
    return Parameter(
        name=name,
        kind=kinds[message.kind],
        default=_value_of(message.default),
        choices=tuple(message.choices),
        description=message.description,
        **bounds,
    )


def evaluation_messages(evaluation: Evaluation, length: int) -> Iterator[service.EvaluateResponse]:
    """Columns and signals over `length` bars, in parts of at most `CHUNK` bars."""
    signals = evaluation.signals.by_name() if isinstance(evaluation.signals, Signals) else {}
    for first in range(0, length, CHUNK):
        part = slice(first, min(first + CHUNK, length))
        yield service.EvaluateResponse(
            bars=part.stop - part.start,
            columns=[_column_message(name, values[part]) for name, values in evaluation.columns.items()],
            signals=pb.Signals(**{name: pb.Flags(values=values[part].tolist()) for name, values in signals.items()}),
        )


def evaluation_of(messages: Iterable[service.EvaluateResponse], length: int) -> Evaluation:
    """The answer over `length` bars.

    Raises Malformed unless the parts are of so many bars in all, every part has the same columns and signals, and each of them one value
    for every bar.
    """
    columns: dict[str, list[NDArray[Any]]] = {}
    signals: dict[str, list[NDArray[Any]]] = {}
    answered = 0
    for message in messages:
        if not 0 < message.bars <= min(CHUNK, length - answered):
            raise Malformed(
                f"bars: a part of {message.bars:,} bars where {length - answered:,} are left; send one value for every bar that was given"
            )
        _check_names([column.name for column in message.columns])
        named = {column.name: _column_values(column, message.bars) for column in message.columns}
        _append(columns, named, answered)
        _append(signals, _signal_values(message.signals, message.bars), answered)
        answered += message.bars
    if answered != length:
        raise Malformed(
            f"bars: an answer for {answered:,} of {length:,} bars; send one value for every bar that was given"
        )
    if length and not {"enter", "exit"} <= set(signals):
        raise Malformed("signals: enter or exit is missing; send both")
    if ("enter_short" in signals) != ("exit_short" in signals):
        raise Malformed("signals: one of enter_short and exit_short is missing; send both, or neither")
    none = np.empty(0, dtype=np.bool_)
    arrays = {"enter": none, "exit": none} | {name: np.concatenate(parts) for name, parts in signals.items()}
    return Evaluation({name: np.concatenate(parts) for name, parts in columns.items()}, Signals(**arrays))


def _check_names(names: Sequence[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise Malformed(f"columns: {len(names):,} of them; send {MOST_COLUMNS} at most")
    if len(set(names)) != len(names):
        raise Malformed(f"columns: {len(names)} of them have {len(set(names))} names; name each differently")
    for name in names:
        if not 0 < len(name) <= _LONGEST_NAME:
            raise Malformed(
                f"columns: {name[:_LONGEST_NAME]!r} is no name; give one of 1 to {_LONGEST_NAME} characters"
            )


def _append(parts: dict[str, list[NDArray[Any]]], found: dict[str, NDArray[Any]], answered: int) -> None:
    if answered and set(found) != set(parts):
        raise Malformed(
            f"columns: {', '.join(sorted(set(found) ^ set(parts)))} in one part and not in another; send the same in all"
        )
    for name, values in found.items():
        known = parts.setdefault(name, [])
        if known and known[0].dtype != values.dtype:
            raise Malformed(
                f"columns: {name!r} has numbers in one part and truth values in another; send the same in all"
            )
        known.append(values)


def _column_message(name: str, values: NDArray[Any]) -> pb.Column:
    if values.dtype == np.bool_:
        return pb.Column(name=name, flags=pb.Flags(values=values.tolist()))
    return pb.Column(name=name, numbers=pb.Numbers(values=values.tolist()))


def _column_values(column: pb.Column, bars: int) -> NDArray[Any]:
    match column.WhichOneof("values"):
        case "numbers":
            return _checked(column.name, column.numbers.values, bars, np.float64)
        case "flags":
            return _checked(column.name, column.flags.values, bars, np.bool_)
        case None:
            raise Malformed(f"columns: {column.name!r} has no values; send numbers or flags")


def _signal_values(message: pb.Signals, bars: int) -> dict[str, NDArray[Any]]:
    return {
        name: _checked(f"signals.{name}", getattr(message, name).values, bars, np.bool_)
        for name in _SIGNALS
        if message.HasField(name)  # type: ignore[arg-type]  # each is a field
    }


def _checked(name: str, values: ArrayLike, bars: int, kind: type) -> NDArray[Any]:
    array: NDArray[Any] = np.array(values, dtype=kind)
    if len(array) != bars:
        raise Malformed(f"{name}: {len(array):,} values for {bars:,} bars; send one for every bar")
    return array


def _value_message(name: str, value: Value) -> pb.ParameterValue:
    message = pb.ParameterValue(name=name)
    field = next((field for kind, field in _FIELDS.items() if isinstance(value, kind)), None)
    if field is None:
        raise Malformed(f"parameters: {name!r} is {value!r}; give a number, a truth value or a word")
    setattr(message, field, value)
    return message


def _value_of(message: pb.ParameterValue) -> Value:
    field = message.WhichOneof("value")
    if field is None:
        raise Malformed(f"parameters: {message.name!r} has no value; send whole, number, flag or word")
    value: Value = getattr(message, field)
    return value
