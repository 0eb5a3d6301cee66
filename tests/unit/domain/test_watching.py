"""How a step strategy is asked, compiled and plain alike."""

from math import isnan, nan

import numpy as np
import pytest

from tidewright.domain.account import Book, trade_account
from tidewright.domain.bars import Bars
from tidewright.domain.compiled import compiles
from tidewright.domain.costs import Broker, Funding, Risk
from tidewright.domain.orders import Order, buy, hold, leave
from tidewright.domain.watching import StepFailed, Watch, WatchFunction

HOUR = 3_600_000
FORMS = ["compiled", "plain"] if compiles() else ["plain"]


def bars_of(*closes):
    """Bars that open where the last one closed, with wicks of 1."""
    close = np.array(closes, dtype=np.float64)
    open_ = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(open_, close) + 1, np.minimum(open_, close) - 1
    return Bars(HOUR * np.arange(len(close)), open_, high, low, close, np.full(len(close), 1e9), step=HOUR)


def traded(watch, bars, **risk):
    return trade_account([Book(bars, watch=watch)], Broker(1_000.0), Risk(**risk))


# An order that asks for nothing may say anything in its other fields, and every answer is kept: so a strategy tells what it was told.

BARS = bars_of(100, 100, 110, 121, 100, 90, 80)
TOPICS = (("bars", "profit", "entries"), ("side", "stop", "quantity"), ("closed", "last_profit", "last_bar"))


def _tell(_state, position, view):
    if view.buys > 0.0:
        return buy()
    if view.sells > 0.0:
        return leave()
    if view.topic == 0.0:
        return Order(0.0, position.bars, position.profit, position.entries, nan, nan, 0.0)
    if view.topic == 1.0:
        return Order(0.0, position.side, position.stop, position.quantity, nan, nan, 0.0)
    return Order(0.0, position.closed, position.last_profit, position.last_bar, nan, nan, 0.0)


@pytest.fixture(scope="module", params=FORMS)
def told(request):
    """From what to do where, to what the strategy was told at the close of bar `at`."""
    compile_it = request.param == "compiled"
    function = WatchFunction(_tell, (), ("buys", "sells"), ("topic",), compile_it=compile_it)
    assert (function.compiled is not None) == compile_it, function.refusal

    def about(at, buys=(), sells=(), **risk):
        columns = [np.isin(np.arange(len(BARS)), where).astype(np.float64) for where in (buys, sells)]
        answers = {}
        for topic, names in enumerate(TOPICS):
            watch = Watch(function, columns, [topic], [], log=True)
            traded(watch, BARS, **risk)
            answers |= zip(names, watch.decisions[at, 1:4], strict=True)
        return answers

    return about


def test_it_is_told_of_its_position(told):
    position = told(3, buys=[0], stop_loss=0.5)

    assert position["profit"] == pytest.approx(0.21)
    del position["profit"], position["last_profit"], position["last_bar"]
    assert position == {"bars": 2, "entries": 1, "side": 1, "stop": 50, "quantity": 10, "closed": 0}


def test_it_is_told_of_its_last_position_once_that_is_closed(told):
    position = told(5, buys=[0], sells=[2])

    assert (position["side"], position["quantity"], position["closed"], position["last_bar"]) == (0, 0, 1, 3)
    assert position["last_profit"] == pytest.approx(0.1)
    assert isnan(position["profit"])
    assert isnan(position["stop"])


def test_before_there_was_any_position_it_is_told_of_none(told):
    position = told(1)

    assert (position["side"], position["entries"], position["closed"]) == (0, 0, 0)
    assert isnan(position["last_profit"])
    assert isnan(position["last_bar"])


def test_in_the_bar_of_a_stop_it_is_asked_after_the_stop(told):
    assert told(4, buys=[0], stop_loss=0.05)["side"] == 1
    assert told(5, buys=[0], stop_loss=0.05)["closed"] == 1


# What holds for any strategy


def _count(state, _position, view):
    """Buy at the close that it is told to, counted from the first at which it is asked."""
    state.asked += 1.0
    return buy() if state.asked == view.nth else Order(0.0, state.asked, nan, nan, nan, nan, 0.0)


@pytest.fixture(scope="module", params=FORMS)
def counting(request):
    return WatchFunction(_count, ("asked",), (), ("nth",), compile_it=request.param == "compiled")


def counted(watch):
    """What it had counted to at each close at which it did not buy."""
    sizes = watch.decisions[:, Order._fields.index("size")]
    return [int(size) for size in sizes if size != buy().size]


def test_it_is_first_asked_once_it_is_warm(counting):
    ledger = traded(Watch(counting, [], [1.0], [0.0], warm=3), BARS)

    assert ledger.fills.bar.tolist() == [4]


def test_what_it_remembers_begins_anew_with_every_trading(counting):
    watch = Watch(counting, [], [2.0], [0.0])
    first, again = traded(watch, BARS), traded(watch, BARS)

    assert first.fills.bar.tolist() == again.fills.bar.tolist() == [2]


def test_each_symbol_has_a_memory_of_its_own(counting):
    books = [Book(BARS, watch=Watch(counting, [], [order], [0.0])) for order in (1.0, 3.0)]
    ledger = trade_account(books, Broker(1_000.0), Risk(max_open_positions=2))

    assert ledger.fills.bar.tolist() == [1]
    assert ledger.refusals.bar.tolist() == [3]


def test_every_answer_is_kept_where_it_is_wanted(counting):
    watch = Watch(counting, [], [3.0], [0.0], warm=1, log=True)
    traded(watch, BARS)

    assert np.isnan(watch.decisions[0]).all()
    assert watch.decisions[1:, Order._fields.index("side")].tolist() == [0, 0, 1, 0, 0, 0]
    assert watch.decisions[3].tolist() == pytest.approx([*buy()], nan_ok=True)
    assert watch.plain().decisions.shape == (0, len(Order._fields))


def test_an_order_at_the_last_close_finds_no_bar(counting):
    ledger = traded(Watch(counting, [], [float(len(BARS))], [0.0]), BARS)

    assert (len(ledger.fills), len(ledger.refusals)) == (0, 0)


def test_it_is_asked_to_the_end_of_a_delisted_symbol_and_not_twice(counting):
    watch = Watch(counting, [], [1.0], [0.0], log=True)
    ledger = trade_account([Book(BARS, watch=watch, delisted=True)], Broker(1_000.0), Risk())

    assert ledger.fills.bar.tolist() == [1, len(BARS) - 1]
    assert counted(watch) == [2, 3, 4, 5, 6, 7]


def test_it_is_asked_once_at_the_close_of_a_bar_that_closes_its_position(counting):
    watch = Watch(counting, [], [1.0], [0.0], log=True)
    ledger = traded(watch, BARS, stop_loss=0.05)

    assert ledger.fills.bar.tolist() == [1, 5]
    assert counted(watch) == [2, 3, 4, 5, 6, 7]


def test_funding_does_not_keep_it_from_being_asked(counting):
    funding = Funding(HOUR * np.arange(1, 6), np.full(5, 0.001))
    watch = Watch(counting, [], [1.0], [0.0], log=True)
    ledger = trade_account([Book(BARS, watch=watch, funding=funding)], Broker(1_000.0), Risk())

    assert np.count_nonzero(ledger.funding) == 4
    assert counted(watch) == [2, 3, 4, 5, 6, 7]


def test_a_column_of_another_length_is_refused():
    function = WatchFunction(lambda _state, _position, _view: hold(), (), ("slow",), (), compile_it=False)
    with pytest.raises(ValueError, match="a column has 3 values for 7 bars; give one for each"):
        traded(Watch(function, [np.zeros(3)], [], []), BARS)


# Failures


def _divide(_state, _position, view):
    return buy(size=1.0 / (view.bar - 2.0)) if view.bar == 2.0 else hold()


def _ask_for_less_than_nothing(_state, _position, view):
    return buy(size=-1.0) if view.bar == 3.0 else hold()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("on_bar", "bar"), [(_divide, 2), (_ask_for_less_than_nothing, 3)])
def test_where_it_fails_the_bar_is_told(on_bar, bar, form):
    watch = Watch(WatchFunction(on_bar, (), (), (), compile_it=form == "compiled"), [], [], [])

    with pytest.raises(StepFailed) as failed:
        traded(watch, BARS)
    assert (failed.value.bar, failed.value.time) == (bar, bar * HOUR)


def test_the_plain_one_tells_what_was_raised_and_can_be_asked_for():
    watch = Watch(WatchFunction(_divide, (), (), ()), [], [], []).plain()

    with pytest.raises(StepFailed) as failed:
        traded(watch, BARS)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("answer", [None, 1.0, "buy", (1.0, 1.0, nan, nan, nan, nan, 0.0)])
def test_what_is_not_an_order_is_refused_with_what_would_be(answer):
    watch = Watch(WatchFunction(lambda _state, _position, _view: answer, (), (), (), compile_it=False), [], [], [])

    with pytest.raises(StepFailed) as failed:
        traded(watch, BARS)
    assert "return hold(), buy(), sell(), leave(), protect() or turn()" in str(failed.value.__cause__)


def test_what_cannot_be_compiled_runs_plain():
    def on_bar(_state, _position, view):
        return buy() if f"{view.bar:.0f}" == "2" else hold()

    function = WatchFunction(on_bar, (), (), ())
    assert function.compiled is None
    assert function.refusal or not compiles()
    assert traded(Watch(function, [], [], []), BARS).fills.bar.tolist() == [3]
