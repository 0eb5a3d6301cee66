"""What a step strategy is told, what it remembers, and what becomes of its mistakes: compiled, and as plain Python."""

from math import isnan, nan

import numpy as np
import pytest

from tidewright.domain.asking import asked_of_step, watch_function
from tidewright.domain.backtest import Series, backtest, backtest_account
from tidewright.domain.bars import Bars, Market
from tidewright.domain.compiled import shared
from tidewright.domain.costs import Broker, Risk, Sizing
from tidewright.domain.orders import Order, buy, hold, leave, protect, sell, turn
from tidewright.domain.strategies.evaluation import StrategyFailed
from tidewright.domain.strategies.step import StepStrategy
from tidewright.domain.strategies.strategy import Parameter, StrategyError

HOUR = 3_600_000
START = 1_672_531_200_000  # 2023-01-01
BROKER = Broker(1_000.0)

both_forms = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])


@shared
def say(value):
    """An order that asks for nothing, by which a strategy can say what it sees."""
    return Order(0.0, float(value), nan, nan, nan, nan, 0.0)


def rising(n=12, symbol="BTC/USDT"):
    """Bars that open at 100, 101, ..., close half a step higher, and reach a quarter of one beyond both."""
    opened = 100.0 + np.arange(n)
    close = opened + 0.5
    columns = opened, close + 0.25, opened - 0.25, close, 10.0 + np.arange(n)
    return Bars(START + HOUR * np.arange(n), *columns, step=HOUR, market=Market("binance", symbol, "1h"))


def strategy(on_bar, *, plain=False, **members):
    """A strategy of this ``on_bar``: a static method, or one that is not."""
    method = (lambda self, state, position, view: on_bar(state, position, view)) if plain else staticmethod(on_bar)
    return type("Mine", (StepStrategy,), {"warmup": lambda self, parameters: 0, "on_bar": method, **members})()


def asked(on_bar, *, plain, parameters=(), risk=None, bars=None, **members):
    """What the strategy returns at each close, by the orders' fields; where it is static, it must compile."""
    mine, parameters, bars = strategy(on_bar, plain=plain, **members), dict(parameters), bars or rising()
    evaluation = asked_of_step(mine, bars, parameters, broker=BROKER, risk=risk or Risk(sizing=Sizing(0.5)))
    assert (watch_function(mine, evaluation.columns, parameters).compiled is None) == plain
    return {name.removeprefix("order."): values.tolist() for name, values in evaluation.signals.by_name().items()}


# The bar


def say_of_the_bar(state, position, view):
    """Another field at each bar."""
    prices = (view.open, view.high, view.low, view.close)
    fields = (view.bar, view.time, *prices, view.volume, view.mean, view.above, view.length, view.strict)
    return say(fields[int(view.bar) % 11])


@both_forms
def test_it_is_told_of_the_bar_its_columns_and_its_numeric_parameters(plain):
    def columns(self, bars, parameters):
        return {"mean": 2 * bars.close, "above": bars.close > 102}

    parameters = {"length": 7, "strict": True, "kind": "sma"}
    said = asked(say_of_the_bar, plain=plain, columns=columns, parameters=parameters)["size"]
    assert said[:2] == [0.0, START + HOUR]
    assert said[2:7] == [102.0, 103.75, 103.75, 105.5, 16.0]
    assert said[7:11] == [215.0, 1.0, 7.0, 1.0]


@both_forms
def test_it_is_not_asked_before_the_end_of_the_warm_up(plain):
    given = asked(lambda state, position, view: say(view.bar), plain=plain, warmup=lambda self, parameters: 4)
    assert [*map(isnan, given["size"])] == [True] * 4 + [False] * 8


@both_forms
def test_bars_before_the_period_count_for_the_warm_up_and_not_for_the_bars(plain):
    def buy_first(state, position, view):
        return buy() if view.bar == 0.0 else hold()

    mine = strategy(buy_first, plain=plain, warmup=lambda self, parameters: 5)
    outcome = backtest(rising(), mine, {}, BROKER, Risk(), start=5)
    assert outcome.ledger.fills.bar.tolist() == [1]


# The position


@shared
def say_of_the_position(position, field):
    now = (position.side, position.quantity, position.entry, position.stop, position.target, position.entries)
    since = (position.since, position.bars, position.profit)
    last = (position.closed, position.last_profit, position.last_bar)
    return say((*now, *since, *last)[int(field) % 12])


def buy_and_leave(state, position, view):
    """Buys at the open of bar 13, leaves at that of bar 26, and says another field of its position at each bar."""
    if view.bar == 12.0:
        return buy(stop=90.0, target=200.0)
    return leave() if view.bar == 25.0 else say_of_the_position(position, view.bar % 13.0)


@both_forms
def test_it_is_told_of_its_position_and_how_the_last_one_ended(plain):
    said = asked(buy_and_leave, plain=plain, bars=rising(39))["size"]
    quantity = 500 / 113

    def near(*expected):
        return pytest.approx(expected, nan_ok=True)

    # side, quantity, entry, stop, target, entries, since, bars, profit, closed, last_profit, last_bar
    assert said[0:12] == near(0, 0, nan, nan, nan, 0, nan, 0, nan, 0, nan, nan)
    assert said[13:25] == near(1, quantity, 113, 90, 200, 1, 13, 7, 121.5 / 113 - 1, 0, nan, nan)
    assert said[26:38] == near(0, 0, nan, nan, nan, 0, nan, 0, nan, 1, 13 / 113, 26)


@both_forms
def test_an_order_lives_for_one_bar(plain):
    """The price is reached in bar 5, and was asked for at the close of bar 3 alone."""

    def once(state, position, view):
        return buy(trigger=105.0) if view.bar == 3.0 else hold()

    def again(state, position, view):
        return buy(trigger=105.0) if position.side == 0.0 else hold()

    fills = [backtest(rising(), strategy(each, plain=plain), {}, BROKER, Risk()).ledger.fills for each in (once, again)]
    assert [each.bar.tolist() for each in fills] == [[], [5]]


@both_forms
def test_it_may_turn_around_at_one_open(plain):
    def on_bar(state, position, view):
        if view.bar == 1.0:
            return buy()
        return turn(sell()) if view.bar == 4.0 else hold()

    fills = backtest(rising(), strategy(on_bar, plain=plain), {}, BROKER, Risk()).ledger.fills
    assert (fills.bar.tolist(), fills.side.tolist()) == ([2, 5, 5], [1, -1, -1])


# Its memory


@both_forms
def test_it_remembers_what_it_writes_to_its_state(plain):
    def count(state, position, view):
        state.asked += 1.0
        return say(state.asked)

    assert asked(count, plain=plain, state={"asked": 10.0})["size"] == [11.0 + bar for bar in range(12)]


def test_a_backtest_begins_without_memories():
    def count(state, position, view):
        state.asked += 1.0
        return buy() if state.asked == 3.0 else hold()

    mine = strategy(count, state={"asked": 0.0})
    digests = {backtest(rising(), mine, {}, BROKER, Risk()).ledger.equity.tobytes() for _ in range(2)}
    assert len(digests) == 1


@both_forms
def test_each_symbol_has_a_memory_of_its_own(plain):
    def buy_at_the_third_time(state, position, view):
        state.asked += 1.0
        return buy() if state.asked == 3.0 else hold()

    mine = strategy(buy_at_the_third_time, plain=plain, state={"asked": 0.0})
    series = [Series(rising()), Series(rising(symbol="ETH/USDT"))]
    risk = Risk(sizing=Sizing(0.4), max_open_positions=2)
    fills = backtest_account(series, mine, {}, BROKER, risk).ledger.fills
    assert (fills.bar.tolist(), fills.symbol.tolist()) == ([3, 3], [0, 1])


def test_each_symbol_has_an_object_of_its_own():
    class Keeper(StepStrategy):
        def warmup(self, parameters):
            return 0

        def columns(self, bars, parameters):
            self.symbol = bars.market.symbol
            return {}

        def on_bar(self, state, position, view):
            return buy() if self.symbol == "ETH/USDT" and view.bar == 2 else hold()

    series = [Series(rising()), Series(rising(symbol="ETH/USDT"))]
    fills = backtest_account(series, Keeper(), {}, BROKER, Risk(), unasked=Keeper).ledger.fills
    assert fills.symbol.tolist() == [1]


# Compiled or not


def test_a_static_method_is_compiled_also_where_it_is_inherited():
    mine = strategy(lambda state, position, view: hold())
    derived = type("Derived", (type(mine),), {})()
    assert watch_function(mine, {}, {}).compiled is not None
    assert watch_function(derived, {}, {}) is watch_function(mine, {}, {})


def test_a_method_is_left_as_it_is():
    function = watch_function(strategy(lambda state, position, view: hold(), plain=True), {}, {})
    assert (function.compiled, function.refusal) == (None, "")


def helper(view):
    return hold()


@pytest.mark.parametrize(
    ("on_bar", "why"),
    [
        (lambda state, position, view: helper(view), "Untyped global name 'helper'"),
        (lambda state, position, view: hold() if view.clse > 0 else buy(), "KeyError: 'clse'"),
        (lambda state, position, view: buy(price=1.0), "got an unexpected keyword argument 'price'"),
        (lambda state, position, view: hold() if f"{view.close:.2f}" else buy(), "format spec in f-strings"),
        (lambda state, position, view: 1.0, "Unknown attribute 'side' of type float64"),
    ],
)
def test_what_the_compiler_cannot_do_runs_as_it_is_and_says_why(on_bar, why):
    function = watch_function(strategy(on_bar), {}, {})
    assert function.compiled is None
    assert why in function.refusal
    assert "\n" not in function.refusal


def test_compiled_and_plain_do_the_same():
    def on_bar(state, position, view):
        if position.closed > state.seen:
            state.seen = position.closed
            state.resume = view.bar + 5.0
        if position.side == 0.0:
            up = buy(limit=view.close - 1.5, stop=view.low - 3.0, target=view.high + 2.0)
            down = sell(size=0.5, trigger=view.low, stop=view.high + 2.0)
            return hold() if view.bar < state.resume else up if view.bar % 2.0 == 0.0 else down
        if position.bars > 9.0:
            return leave()
        return protect(stop=position.stop + position.side * 0.1)

    draw = np.random.default_rng(3)
    close = 100.0 + np.cumsum(draw.normal(0.0, 1.0, 3_000)) * 0.3
    opened = np.append(100.0, close[:-1])
    high, low = np.maximum(opened, close) + 0.5, np.minimum(opened, close) - 0.5
    bars = Bars(START + HOUR * np.arange(3_000), opened, high, low, close, np.ones(3_000), step=HOUR)
    ledgers = [
        backtest(bars, strategy(on_bar, plain=plain, state={"seen": 0.0, "resume": 0.0}), {}, BROKER, Risk()).ledger
        for plain in (False, True)
    ]
    assert len(ledgers[0].fills) > 200
    assert ledgers[0].equity.tobytes() == ledgers[1].equity.tobytes()


# What goes wrong


def failure(on_bar, *, plain=False, **members):
    with pytest.raises(StrategyFailed) as caught:
        backtest(rising(), strategy(on_bar, plain=plain, **members), {}, BROKER, Risk())
    return str(caught.value)


def _divide(state, position, view):
    return buy(size=1.0 / (5.0 - view.bar))


def _raise(state, position, view):
    if view.bar == 5.0:
        raise ValueError("boom")
    return hold()


def _nothing(state, position, view):  # noqa: RET503 - that is the mistake
    if view.bar < 5.0:
        return hold()


def _number(state, position, view):
    return 3.0


def _both_prices(state, position, view):
    return buy(limit=100.0, trigger=101.0) if view.bar == 5.0 else hold()


def _typo(state, position, view):
    return buy() if view.bar == 5.0 and view.clse > 0 else hold()


def _typo_of_position(state, position, view):
    return buy() if view.bar == 5.0 and position.sides == 0 else hold()


def _typo_in_state(state, position, view):
    if view.bar == 5.0:
        state.loses = 1.0
    return hold()


@both_forms
@pytest.mark.parametrize(
    ("on_bar", "message"),
    [
        (_divide, "Mine: on_bar raised ZeroDivisionError: float division by zero"),
        (_raise, "Mine: on_bar raised ValueError: boom"),
        (_nothing, "Mine: on_bar returned None; return hold(), buy(), sell(), leave(), protect() or turn()"),
        (_both_prices, "and an entry has a limit or a trigger, not both"),
        (
            _typo,
            "AttributeError: view has no field 'clse' (did you mean 'close'?); it has bar, time, open, high, low, ",
        ),
        (_typo_of_position, "position has no field 'sides' (did you mean 'side'?); it has side, quantity, entry"),
        (_typo_in_state, "AttributeError: state has no field 'loses' (did you mean 'losses'?); it has losses"),
    ],
)
def test_a_mistake_is_told_with_name_bar_and_time(on_bar, message, plain):
    told = failure(on_bar, plain=plain, state={"losses": 0.0})
    assert message in told
    assert told.endswith(" (bar 5 of BTC/USDT, 2023-01-01T05:00:00Z)")


def test_a_mistake_keeps_the_place_in_the_users_code():
    with pytest.raises(StrategyFailed) as caught:
        backtest(rising(), strategy(_raise), {}, BROKER, Risk())
    trace = caught.value.__cause__.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    assert trace.tb_frame.f_code is _raise.__code__


def test_an_answer_that_is_no_order_is_one_mistake_at_the_first_bar():
    assert failure(_number).startswith("Mine: on_bar returned 3.0; return hold()")


def test_an_interrupt_ends_it_as_an_interrupt():
    def interrupted(state, position, view):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backtest(rising(), strategy(interrupted, plain=True), {}, BROKER, Risk())


@pytest.mark.parametrize(
    ("members", "parameters", "message"),
    [
        ({"columns": lambda self, bars, parameters: {"close": bars.close}}, {}, "told two things by the name 'close'"),
        (
            {"columns": lambda self, bars, parameters: {"fast": bars.close}},
            {"fast": 3},
            "two things by the name 'fast'",
        ),
        (
            {"columns": lambda self, bars, parameters: {"rsi 14": bars.close}},
            {},
            "cannot read a field by the name 'rsi 14'",
        ),
        ({"state": {"class": 0.0}}, {}, "cannot read a field by the name 'class'"),
    ],
)
def test_names_must_be_names_of_one_thing(members, parameters, message):
    mine = strategy(
        lambda state, position, view: hold(), parameters=tuple(Parameter(n, "Int", 1) for n in parameters), **members
    )
    with pytest.raises(StrategyError, match=message):
        backtest(rising(), mine, parameters, BROKER, Risk())
