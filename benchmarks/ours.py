"""Tidewright's part: the bare loop that the kernel is held against, the kernel, one backtest, the sweep, a million bars, an account of twenty symbols, a step strategy, and digests."""

import hashlib
import sys
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.market import load
from benchmarks.process import in_turns, peak, seconds, serve
from tidewright.domain.account import Book, trade_account
from tidewright.domain.asking import watch
from tidewright.domain.backtest import backtest
from tidewright.domain.bars import Bars, Booleans, Floats
from tidewright.domain.compiled import compiled
from tidewright.domain.costs import Broker, Risk, RoiStep, Sizing
from tidewright.domain.kernel import ARITHMETIC_REVISION, Workspace, simulate
from tidewright.domain.orders import Order, buy, hold, leave
from tidewright.domain.position import terms
from tidewright.domain.provenance import result_digest
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.evaluation import evaluate
from tidewright.domain.strategies.parameters import resolve_for
from tidewright.domain.strategies.step import StepStrategy
from tidewright.domain.strategies.strategy import Columns, Parameters
from tidewright.domain.sweep import grid, sweep

HOUR = 3_600_000
CROSS = BUILTINS["MovingAverageCross"]
PARAMETERS = resolve_for(CROSS, {"fast": 10, "slow": 30})
PAIRS = [resolve_for(CROSS, pair) for pair in grid(fast=range(5, 37), slow=range(40, 200, 5))]

FEES = Broker(cash=10_000.0, commission=0.001)
FEES_AND_SLIPPAGE = Broker(cash=10_000.0, commission=0.001, slippage=0.0005)
NO_STOPS = Risk()
ALL_STOPS = Risk(
    stop_loss=0.05,
    take_profit=0.10,
    trail_activation=0.02,
    trail_distance=0.01,
    roi=(RoiStep(0, 0.10), RoiStep(HOUR, 0.05), RoiStep(2 * HOUR, 0.03), RoiStep(4 * HOUR, 0.01)),
)
SYMBOLS = 20
ALL_LIMITS = replace(
    ALL_STOPS, sizing=Sizing(0.2), max_open_positions=5, max_symbol_exposure=0.3, max_total_exposure=0.9
)


@cache
def series(name: str) -> Bars:
    columns: dict[str, Any] = load(Path(sys.argv[1]), name)
    return Bars(**columns, step=int(np.diff(columns["time"]).min()))


@compiled
def bare_loop(
    open_: Floats, close: Floats, enter: Booleans, leave: Booleans, cash: float, commission: float, equity: Floats
) -> None:
    """The least that a backtest can do: all in, all out, fees, and what the account is worth at each close."""
    held = 0.0
    equity[0] = cash
    for i in range(1, len(close)):
        if held == 0.0:
            if enter[i - 1]:
                held = cash / (open_[i] * (1.0 + commission))
                cash = 0.0
        elif leave[i - 1]:
            cash = held * open_[i] * (1.0 - commission)
            held = 0.0
        equity[i] = cash + held * close[i]


def kernel() -> dict[str, list[float]]:
    bars = series("hourly")
    signals = evaluate(CROSS, bars, PARAMETERS).signals
    work, equity = Workspace(len(bars), int(np.count_nonzero(signals.enter))), np.empty(len(bars))
    bare = partial(bare_loop, bars.open, bars.close, signals.enter, signals.exit, FEES.cash, FEES.commission, equity)
    plain = partial(work.trade, bars, signals, FEES.cash, terms(FEES, NO_STOPS))
    stops = partial(work.trade, bars, signals, FEES.cash, terms(FEES_AND_SLIPPAGE, ALL_STOPS))
    bare()
    plain()
    assert np.allclose(equity, work.equity, rtol=1e-9), "the bare loop and the kernel do not do the same"
    loops = {"bare": bare, "plain": plain, "stops": stops}
    return in_turns(30, **{name: partial(seconds, loop) for name, loop in loops.items()})


def one_backtest() -> list[float]:
    return seconds(partial(backtest, series("hourly"), CROSS, PARAMETERS, FEES, NO_STOPS))


def entries() -> int:
    fills = backtest(series("hourly"), CROSS, PARAMETERS, FEES, NO_STOPS).ledger.fills
    return int(np.count_nonzero(fills.side > 0))


def whole_sweep(threads: int) -> list[float]:
    return seconds(
        partial(sweep, series("hourly"), CROSS, PAIRS, FEES, NO_STOPS, threads=threads), calls=1, unmeasured=1
    )


def million_bars() -> dict[str, list[float]]:
    bars = series("minutes")
    whole = seconds(partial(backtest, bars, CROSS, PARAMETERS, FEES_AND_SLIPPAGE, ALL_STOPS), calls=5, unmeasured=1)
    signals = evaluate(CROSS, bars, PARAMETERS).signals
    work = Workspace(len(bars), int(np.count_nonzero(signals.enter)))
    kernel = partial(work.trade, bars, signals, FEES.cash, terms(FEES_AND_SLIPPAGE, ALL_STOPS))
    return {"kernel": seconds(kernel), "whole": whole}


def portfolio() -> dict[str, list[float]]:
    """The kernel on one symbol, and an account with all limits on many: the same bars, each times a random walk of its own."""
    bars, random = series("hourly"), np.random.default_rng(1)
    books = []
    for _ in range(SYMBOLS):
        factor = np.exp(np.cumsum(random.normal(0.0, 0.002, len(bars))))
        prices = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
        own = replace(bars, **prices)
        books.append(Book(own, evaluate(CROSS, own, PARAMETERS).signals))
    one = partial(simulate, bars, evaluate(CROSS, bars, PARAMETERS).signals, FEES_AND_SLIPPAGE, ALL_STOPS)
    many = partial(trade_account, books, FEES_AND_SLIPPAGE, ALL_LIMITS)
    ledger = many()
    assert len(ledger.fills) > 10_000, "the account hardly trades"
    assert len(ledger.refusals) > 1_000, "the limits hardly bind"
    return in_turns(10, one=partial(seconds, one), many=partial(seconds, many, calls=2, unmeasured=1))


class StepCross(StepStrategy):
    """The cross of averages, asked bar by bar."""

    state = {"lead": float("nan")}  # noqa: RUF012 - as anybody would write it

    def warmup(self, parameters: Parameters) -> int:
        return CROSS.warmup(parameters)

    def columns(self, bars: Bars, parameters: Parameters) -> Columns:
        return CROSS.columns(bars, parameters)

    @staticmethod
    def on_bar(state: Any, position: Any, view: Any) -> Order:
        before, state.lead = state.lead, view.fast_average - view.slow_average
        if position.side == 0.0:
            return buy() if before <= 0.0 < state.lead else hold()
        return leave() if before >= 0.0 > state.lead else hold()


def step() -> dict[str, list[float]]:
    """Whole backtests of the same strategy in both forms, and the trading alone."""
    bars, strategy = series("hourly"), StepCross()
    signals, columns = evaluate(CROSS, bars, PARAMETERS).signals, strategy.columns(bars, PARAMETERS)
    given = (FEES_AND_SLIPPAGE, ALL_STOPS)

    def asked() -> Any:
        return trade_account([Book(bars, watch=watch(strategy, columns, PARAMETERS, 0, 0))], *given)

    ledger, judge = asked(), simulate(bars, signals, *given)
    assert ledger.equity.tobytes() == judge.equity.tobytes(), "the two forms do not trade the same"
    loops = {
        "signals": partial(backtest, bars, CROSS, PARAMETERS, *given),
        "step": partial(backtest, bars, strategy, PARAMETERS, *given),
        "signals alone": partial(simulate, bars, signals, *given),
        "step alone": asked,
    }
    return in_turns(10, **{name: partial(seconds, loop) for name, loop in loops.items()})


def digest(threads: int) -> str:
    """One digest of a backtest of every built-in strategy with all stops, and of a sweep."""
    bars, digest = series("hourly"), hashlib.sha256()
    for strategy in BUILTINS.values():
        outcome = backtest(bars, strategy, resolve_for(strategy, {}), FEES_AND_SLIPPAGE, ALL_STOPS)
        digest.update(result_digest(outcome.ledger, ARITHMETIC_REVISION).encode())
    found = sweep(bars, CROSS, PAIRS, FEES_AND_SLIPPAGE, ALL_STOPS, threads=threads)
    for figures in (found.total_return, found.sharpe, found.max_drawdown, found.trades):
        digest.update(figures.tobytes())
    return digest.hexdigest()


def host_cpu() -> str:
    from llvmlite.binding import get_host_cpu_name  # noqa: PLC0415

    name: str = get_host_cpu_name()
    return name


if __name__ == "__main__":
    serve(
        {
            "kernel": kernel,
            "backtest": one_backtest,
            "entries": entries,
            "sweep": whole_sweep,
            "million": million_bars,
            "portfolio": portfolio,
            "step": step,
            "digest": digest,
            "host": host_cpu,
            "peak": peak,
        }
    )
