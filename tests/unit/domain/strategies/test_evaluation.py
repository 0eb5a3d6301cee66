"""What is asked of a strategy, and what it hears when its answer is none."""

import re

import numpy as np
import pandas as pd
import pytest

from tidewright.domain.strategies.evaluation import StrategyFailed, declared_warmup, evaluate
from tidewright.domain.strategies.strategy import Signals, SignalStrategy, StrategyError


class Answering(SignalStrategy):
    """Gives the answers it was made with: arrays by name, or functions of the bars."""

    def __init__(self, columns=None, enter=None, leave=None, signals=None, warmup=0):
        self.given = {} if columns is None else columns
        self.enter, self.leave, self.answer, self.bars_needed = enter, leave, signals, warmup

    def warmup(self, parameters):
        return self.bars_needed

    def columns(self, bars, parameters):
        return self.given(bars) if callable(self.given) else self.given

    def signals(self, bars, columns, parameters):
        if self.answer is not None:
            return self.answer
        never = np.zeros(len(bars), dtype=bool)
        return Signals(never if self.enter is None else self.enter, never if self.leave is None else self.leave)


@pytest.fixture(scope="module")
def few(bars):
    return bars.part(0, 5)


YES = np.array([True, False, True, False, True])


def refused(few, message, **answers):
    with pytest.raises(StrategyFailed, match=re.escape(message)):
        evaluate(Answering(**answers), few, {})


def test_columns_and_signals_are_passed_on(few):
    found = evaluate(Answering({"up": YES, "half": few.close / 2}, enter=YES, leave=~YES), few, {})

    assert list(found.columns) == ["up", "half"]
    assert found.columns["up"].dtype == np.bool_
    np.testing.assert_array_equal(found.columns["half"], few.close / 2)
    np.testing.assert_array_equal(found.signals.enter, YES)
    np.testing.assert_array_equal(found.signals.exit, ~YES)


def test_columns_of_whole_numbers_become_floats(few):
    column = evaluate(Answering({"count": np.arange(5)}), few, {}).columns["count"]

    assert column.dtype == np.float64
    assert column.tolist() == [0, 1, 2, 3, 4]


def test_series_and_frames_of_pandas_are_arrays_by_name(few):
    frame = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [0.5] * 5}, index=pd.to_datetime(few.time, unit="ms"))
    found = evaluate(Answering(frame, enter=frame["a"] > 2, leave=frame["b"] > 2), few, {})

    assert found.columns["a"].tolist() == [1, 2, 3, 4, 5]
    assert found.signals.enter.tolist() == [False, False, True, True, True]


def test_signals_have_one_layout_whatever_the_strategy_gave(few):
    found = evaluate(Answering(enter=np.repeat(YES, 2)[::2], leave=np.broadcast_to(np.array(True), 5)), few, {})

    for signal in (found.signals.enter, found.signals.exit):
        assert signal.flags.c_contiguous
        assert signal.flags.writeable
    assert found.signals.enter.tolist() == YES.tolist()


def test_what_a_strategy_raises_is_named_and_kept_as_the_cause(few):
    def divide(bars):
        return {"ratio": 1 // 0}

    with pytest.raises(StrategyFailed, match="Answering raised ZeroDivisionError: ") as failure:
        evaluate(Answering(divide), few, {})
    assert isinstance(failure.value.__cause__, ZeroDivisionError)


def test_an_error_in_a_strategys_own_words_comes_through(few):
    def complain(bars):
        raise StrategyError("fast must be below slow")

    with pytest.raises(StrategyError, match=r"^fast must be below slow$"):
        evaluate(Answering(complain), few, {})


def test_a_method_that_was_not_written_says_what_to_write(few):
    with pytest.raises(StrategyFailed, match=re.escape("return Signals(enter, exit)")):
        evaluate(SignalStrategy(), few, {})
    with pytest.raises(StrategyFailed, match="return a whole number"):
        declared_warmup(SignalStrategy(), {})


@pytest.mark.parametrize("name", ["time", "open", "high", "low", "close", "volume"])
def test_the_bars_cannot_be_written_to(few, name):
    """It would trade on prices of its own making, and no proof could see it."""
    before = getattr(few, name).copy()

    def normalise(bars):
        values = getattr(bars, name)
        values -= values[0]
        return {"normal": values}

    refused(few, "read-only", columns=normalise)
    np.testing.assert_array_equal(getattr(few, name), before)
    assert getattr(few, name).flags.writeable


def test_a_wrong_length_is_refused(few):
    refused(few, "column 'gap' has shape (4,) over 5 bars", columns={"gap": np.diff(few.close)})
    refused(few, "signals.enter has shape (6,) over 5 bars", enter=np.zeros(6, dtype=bool))
    refused(few, "signals.exit has shape () over 5 bars; return one value for every bar", leave=np.False_)
    refused(few, "column 'pair' has shape (5, 2)", columns={"pair": np.zeros((5, 2))})
    refused(few, "column 'ragged' is no array", columns={"ragged": [[1], [1, 2]]})


def test_columns_are_judged_before_the_signals_stumble_over_them(few):
    class Stumbling(Answering):
        def signals(self, bars, columns, parameters):
            return Signals(bars.close > columns["gap"], bars.close < columns["gap"])

    with pytest.raises(StrategyFailed, match=re.escape("column 'gap' has shape (4,)")):
        evaluate(Stumbling({"gap": np.diff(few.close)}), few, {})


@pytest.mark.parametrize(
    ("values", "kind"), [([0, 1, 0, 1, 0], "int64"), ([0.0, 1.0, 0.0, 1.0, np.nan], "float64"), ([None] * 5, "object")]
)
def test_signals_are_true_or_false_and_nothing_that_could_be_taken_for_it(few, values, kind):
    refused(few, f"signals.enter is of {kind}; return an array of True and False", enter=np.array(values))
    refused(few, f"signals.exit is of {kind}", leave=np.array(values))


@pytest.mark.parametrize(
    "values",
    [["up"] * 5, [None, 1, 2, 3, 4], [1j] * 5, np.zeros(5, dtype="M8[ms]")],
    ids=["text", "object", "complex", "time"],
)
def test_columns_are_numbers(few, values):
    refused(few, "column 'mood' is of ", columns={"mood": np.array(values)})


def test_something_else_than_columns_or_signals_is_refused(few):
    refused(few, "columns returned nothing; return a dict of arrays by name", columns=lambda bars: None)
    refused(few, "columns returned ndarray", columns=lambda bars: bars.close)
    refused(few, "signals returned tuple; return Signals(enter, exit)", signals=(YES, YES))


@pytest.mark.parametrize("bars_needed", [0, 30, np.int64(30)])
def test_a_warm_up_is_a_number_of_bars(bars_needed):
    assert declared_warmup(Answering(warmup=bars_needed), {}) == int(bars_needed)
    assert type(declared_warmup(Answering(warmup=bars_needed), {})) is int


@pytest.mark.parametrize("bars_needed", [-1, 30.0, "30", None, True])
def test_anything_else_is_no_warm_up(bars_needed):
    message = re.escape(f"Answering: warmup is {bars_needed!r}; return a whole number of bars, 0 or more")
    with pytest.raises(StrategyFailed, match=message):
        declared_warmup(Answering(warmup=bars_needed), {})
