"""What a strategy is to whoever asks it, whether its code is here or in another process: the same, in every bit."""

from contextlib import ExitStack

import pytest
from strategy_server import remote, served_class

from tidewright.adapters.bar_file import read_bars
from tidewright.adapters.parquet_store import ParquetStore
from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.bars import Market
from tidewright.domain.lookahead import prove_causal
from tidewright.domain.strategies.evaluation import StrategyFailed, declared_warmup, evaluate
from tidewright.domain.strategies.parameters import resolve_for
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.domain.warmup import measure_warmup
from tidewright.ports import Source
from tidewright.runs.backtest import run_backtest
from tidewright.runs.plan import plan_backtest
from tidewright.runs.strategies import load_class
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Document, Manifest
from tidewright.specs.quantities import epoch_milliseconds
from tidewright.wire.market import CHUNK

SOUND = ("Channel", "BothSides", "DayTrend", "Bare", "Undefined")
IMAGE = f"registry/desk@sha256:{64 * '0'}"


def here(name):
    return load_class("own_strategies", name, Document("", {}, {(): 0}), ()).strategy


@pytest.fixture(params=["here", "there"])
def strategy(request):
    """A strategy by the name of its class."""
    with ExitStack() as servers:

        def there(name):
            return servers.enter_context(remote(servers.enter_context(served_class(name))))

        yield {"here": here, "there": there}[request.param]


@pytest.fixture(scope="module")
def bars():
    return SimulatedStore().read(Market("simulated", "BTC/USDT", "1h"))


def same_bits(found, expected):
    assert list(found.columns) == list(expected.columns)
    assert found.signals.by_name().keys() == expected.signals.by_name().keys()
    for ours, theirs in ((found.columns, expected.columns), (found.signals.by_name(), expected.signals.by_name())):
        for name, values in ours.items():
            assert (name, values.dtype, values.tobytes()) == (name, theirs[name].dtype, theirs[name].tobytes())


@pytest.mark.parametrize("name", SOUND)
def test_it_declares_what_its_class_does(strategy, name):
    asked, own = strategy(name), here(name)
    assert (asked.name, asked.parameters) == (name, own.parameters)
    values = resolve_for(asked, {})
    assert values == resolve_for(own, {})
    assert declared_warmup(asked, values) == declared_warmup(own, values)


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("length", [1, 7, CHUNK, CHUNK + 1])
def test_its_columns_and_signals_are_those_of_its_class(strategy, bars, name, length):
    asked = strategy(name)
    part = bars.part(0, length)
    same_bits(evaluate(asked, part, resolve_for(asked, {})), evaluate(here(name), part, resolve_for(here(name), {})))


def test_parameters_of_every_kind_reach_it(strategy, bars):
    given = {"length": 9, "width": 0.1, "calm": True, "kind": "ema"}
    values = resolve_for(asked := strategy("Channel"), given)
    assert declared_warmup(asked, values) == 54
    same_bits(evaluate(asked, bars, values), evaluate(here("Channel"), bars, values))


def test_a_sound_strategy_is_proved_and_its_warm_up_measured(strategy, bars):
    asked, part = strategy("BothSides"), bars.part(0, 3_000)
    whole = evaluate(asked, part, {})
    assert prove_causal(asked, part, {}, whole, seed=7).passed
    assert measure_warmup(asked, part, {}, whole) == measure_warmup(here("BothSides"), part, {}, whole)


def test_one_that_uses_the_future_is_found_at_the_same_bar(strategy, bars):
    asked, own, part = strategy("Peeking"), here("Peeking"), bars.part(0, 3_000)
    proof = prove_causal(asked, part, {}, evaluate(asked, part, {}))
    assert not proof.passed
    assert proof.violation.repeatable
    assert repr(proof) == repr(prove_causal(own, part, {}, evaluate(own, part, {})))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Raising", "Raising raised ZeroDivisionError: division by zero"),
        ("Short", "Short: column 'short' has shape (99,) over 100 bars; return one value for every bar"),
        ("Writing", "Writing raised ValueError: assignment destination is read-only"),
    ],
)
def test_what_goes_wrong_in_it_is_told_in_the_same_words(strategy, bars, name, told):
    asked = strategy(name)
    with pytest.raises(StrategyFailed) as failed:
        evaluate(asked, bars.part(0, 100), {})
    assert str(failed.value) == told


def test_what_it_refuses_is_told_as_its_own(strategy):
    with pytest.raises(StrategyError, match=r"^fast must be below slow; choose other ones$") as refused:
        declared_warmup(strategy("Refusing"), {})
    assert not isinstance(refused.value, StrategyFailed)


def test_a_warm_up_that_is_no_number_of_bars_is_refused(strategy):
    with pytest.raises(StrategyFailed, match="Backwards: warmup is -1; return a whole number of bars, 0 or more"):
        declared_warmup(strategy("Backwards"), {})


def backtest(store, market, name, served, **spec):
    source = {"classRef": {"module": "own_strategies", "class": name, "image": IMAGE}}
    written = {"source": source, "symbols": [market.symbol], "timeframe": market.timeframe}
    resource = {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "BacktestRun",
        "metadata": {"name": "own"},
        "spec": {"strategy": written, "data": {"exchange": market.exchange}, "seed": 7, **spec},
    }
    run = BacktestRun.model_validate(resource)
    plan = plan_backtest(run, Document("", resource, {(): 0}), Manifest(), store=store, served=served)
    return run_backtest(plan, store)


@pytest.fixture(scope="module")
def real(shared_data, tmp_path_factory):
    """Real hours of BTC/USDT from 2022 on, with a real gap."""
    store, market = ParquetStore(tmp_path_factory.mktemp("real")), Market("binance", "BTC/USDT", "1h")
    read = read_bars(shared_data / "binance-spot" / "BTC_USDT-1h-2017-2024.feather", market)
    store.merge(read.bars.between(epoch_milliseconds("2022-01-01"), 2**62), Source("BTC", ""))
    return store, market


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Channel", "BothSides", "DayTrend", "Bare", "Peeking"])
def test_a_backtest_on_real_bars_is_the_same_in_every_fill_and_its_whole_equity(real, name):
    store, market = real
    margin = {"broker": {"account": "Margin"}}
    with served_class(name) as address, remote(address) as there:
        found, expected = (backtest(store, market, name, served, **margin) for served in (there, None))
    assert found.digest == expected.digest
    ours, theirs = found.outcome.ledger, expected.outcome.ledger
    assert len(ours.fills) > 10
    assert ours.equity.tobytes() == theirs.equity.tobytes()
    (mine,), (others,) = found.symbols, expected.symbols
    assert repr((mine.look_ahead, mine.warmup)) == repr((others.look_ahead, others.warmup))
    assert mine.look_ahead.passed == (name != "Peeking")
