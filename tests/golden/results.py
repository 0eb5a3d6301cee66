"""Results of the market arithmetic that must be the same on every machine: prints them as JSON.

`test_results.py` compares them with `results.json`, under several compilers and processors. After a change that is meant to give other
results, raise `ARITHMETIC_REVISION` in `tidewright/domain/kernel.py` (not for a change of a built-in strategy alone) and write the file anew::

    uv run python tests/golden/results.py > tests/golden/results.json
"""

import hashlib
import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

import tidewright
from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.account import Book, trade_account
from tidewright.domain.backtest import backtest, backtest_account
from tidewright.domain.bars import Bars, Market
from tidewright.domain.costs import Bracket, Broker, Filters, Funding, Risk, RoiStep, Sizing
from tidewright.domain.kernel import ARITHMETIC_REVISION, simulate
from tidewright.domain.orders import Order
from tidewright.domain.provenance import bars_digest, result_digest
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.parameters import resolve_for
from tidewright.domain.strategies.strategy import Signals
from tidewright.domain.watching import Watch, WatchFunction
from tidewright.indicators import atr, donchian
from tidewright.runs.plan import broker_of, judged, plan_backtest
from tidewright.specs.manifest import Manifest

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"
HOUR = 3_600_000
MARKET = Market("simulated", "BTC/USDT", "1h")
BROKER = Broker(10_000.0, 0.001, 0.0005)
RISKS = {
    "unprotected": Risk(),
    "protected": Risk(
        stop_loss=0.02,
        take_profit=0.06,
        trail_activation=0.02,
        trail_distance=0.015,
        roi=(RoiStep(0, 0.05), RoiStep(12 * HOUR, 0.03), RoiStep(48 * HOUR, 0.01)),
        sizing=Sizing(fraction=0.0, risk=0.01),
    ),
}
PYRAMID = Risk(sizing=Sizing(0.3), max_entries=3)
CASES, BARS_OF_A_CASE = 60, 300
BARS_OF_STEPS = 4_000
ACCOUNTS, SYMBOLS_OF_AN_ACCOUNT = 8, 4


def golden_results():
    bars = SimulatedStore().read(MARKET)
    return {
        "arithmeticRevision": ARITHMETIC_REVISION,
        "data": {str(MARKET): bars_digest(bars)},
        "strategies": {
            name: {risk: _of_strategy(bars, strategy, terms) for risk, terms in RISKS.items()}
            for name, strategy in BUILTINS.items()
        },
        "portfolioSample": _of_sample("backtestrun-portfolio.yaml"),
        "stepStrategies": {
            form: _of_strategy(bars.part(0, BARS_OF_STEPS), strategy, PYRAMID)
            for form, strategy in {"compiled": Compiled(), "plain": Plain()}.items()
        },
        "randomCases": _of_random_cases(seed=7),
        "randomAccounts": _of_random_accounts(seed=8),
    }


def _of_strategy(bars, strategy, risk):
    ledger = backtest(bars, strategy, resolve_for(strategy, {}), BROKER, risk).ledger
    return {
        "fills": len(ledger.fills),
        "equity": float(ledger.equity[-1]),
        "digest": result_digest(ledger, ARITHMETIC_REVISION),
    }


def _on_bar(state, position, view):
    """Buys a breakout, adds to what wins, follows it with a stop, pauses after a loss, and leaves by a target now and then."""
    if position.closed > state.seen:
        state.seen = position.closed
        if position.last_profit < 0:
            state.resume = view.bar + view.pause
    stop = max(position.stop, view.close - 3.0 * view.range)
    if position.side == 0:
        if view.bar < state.resume:
            return tidewright.hold()
        return tidewright.buy(trigger=view.upper, stop=view.upper - 3.0 * view.range)
    if position.entries < 3 and position.profit > 0.01 * position.entries:
        return tidewright.buy(0.5, limit=view.low, stop=stop)
    if position.bars % 50 == 49:
        return tidewright.protect(stop, view.close + view.range)
    return tidewright.leave() if position.bars > 200 else tidewright.protect(stop)


class Steps(tidewright.StepStrategy):
    parameters = (tidewright.Parameter("pause", "Int", 12),)
    state = {"seen": 0.0, "resume": 0.0}  # noqa: RUF012

    def warmup(self, parameters):
        return 240

    def columns(self, bars, parameters):
        upper = donchian(bars.high, bars.low, 24).upper
        return {"upper": upper, "range": atr(bars.high, bars.low, bars.close, 24)}


class Compiled(Steps):
    on_bar = staticmethod(_on_bar)


class Plain(Steps):
    def on_bar(self, state, position, view):
        return _on_bar(state, position, view)


def _of_sample(name):
    """A sample's account, as `tidewright run` has it; its checks are left out."""
    manifest = Manifest()
    manifest.read(name, (SAMPLES / name).read_text(encoding="utf-8"))
    ((_, run, document),) = manifest.of_kind("BacktestRun")
    plan = plan_backtest(run, document, manifest)
    strategy, broker = plan.strategy, broker_of(plan.spec.broker)
    data = judged(plan.markets, plan.spec, strategy.warmup, None, SimulatedStore(), plan.written)
    series, rank_by = [one.series for one in data], strategy.spec.risk.rank_by
    ledger = backtest_account(series, strategy.strategy, strategy.parameters, broker, strategy.risk, rank_by).ledger
    return {
        "fills": len(ledger.fills),
        "refusals": len(ledger.refusals),
        "equity": float(ledger.equity[-1]),
        "digest": result_digest(ledger, ARITHMETIC_REVISION),
    }


def _of_random_cases(seed):
    draw = np.random.default_rng(seed)
    digests, fills = hashlib.sha256(), 0
    for _ in range(CASES):
        ledger = simulate(*_random_case(draw))
        fills += len(ledger.fills)
        digests.update(result_digest(ledger, ARITHMETIC_REVISION).encode())
    return {"fills": fills, "digest": f"sha256:{digests.hexdigest()}"}


def _random_case(draw):
    n = BARS_OF_A_CASE
    path = np.abs(10_000 + draw.integers(-150, 151, 2 * n).cumsum()) + 1_000
    open_, close = path[0::2], path[1::2]
    high = np.maximum(open_, close) + draw.integers(0, 200, n)
    low = np.minimum(open_, close) - draw.integers(0, 200, n)
    prices = (column / 7.0 for column in (open_, high, low, close))
    bars = Bars(HOUR * draw.integers(1, 4, n).cumsum(), *prices, np.ones(n), step=HOUR)
    stop_loss, target, activation, distance, profit = draw.choice([0.0, 0.01, 0.02, 0.05], 5).tolist()
    by_risk = Sizing(fraction=0.0, risk=0.03)
    risk = Risk(
        stop_loss=stop_loss,
        take_profit=target,
        trail_activation=activation,
        trail_distance=distance,
        roi=(RoiStep(0, 0.08), RoiStep(9 * HOUR, profit)) if profit else (),
        sizing=by_risk if stop_loss and draw.random() < 0.5 else Sizing(float(draw.choice([0.3, 1.0]))),
    )
    return bars, Signals(draw.random(n) < 0.2, draw.random(n) < 0.1), BROKER, risk


def _of_random_accounts(seed):
    draw = np.random.default_rng(seed)
    digests, fills, refusals = hashlib.sha256(), 0, 0
    for _ in range(ACCOUNTS):
        ledger = trade_account(*_random_account(draw))
        fills, refusals = fills + len(ledger.fills), refusals + len(ledger.refusals)
        digests.update(result_digest(ledger, ARITHMETIC_REVISION).encode())
        digests.update(ledger.refusals.reason.tobytes() + ledger.refusals.time.astype("<i8").tobytes())
    return {"fills": fills, "refusals": refusals, "digest": f"sha256:{digests.hexdigest()}"}


def _random_account(draw):
    """Half of the symbols trade signals, half a script of orders; some have filters, brackets and funding, and they begin and end at different times."""
    books = []
    for symbol in range(SYMBOLS_OF_AN_ACCOUNT):
        whole, signals, _, risk = _random_case(draw)
        bars = whole.part(int(draw.integers(0, 60)), int(draw.integers(200, 300)))
        n = len(bars)
        due = bars.time[draw.integers(0, n, n // 8)] + HOUR
        funding = Funding(np.unique(due), draw.choice([0.0003, -0.0002], len(np.unique(due))))
        filters = Filters(Fraction(1, 20), Fraction(1, 1000), 20.0, (Bracket(3e4, 10, 0.005), Bracket(9e4, 5, 0.02)))
        enter = Signals(signals.enter[:n], signals.exit[:n], draw.random(n) < 0.1, draw.random(n) < 0.1)
        script = Watch(FOLLOW_SCRIPT, _random_orders(draw, bars.close).T, [], [])
        books.append(
            Book(
                bars,
                signals=enter if symbol % 2 else None,
                watch=None if symbol % 2 else script,
                funding=funding if symbol > 1 else None,
                filters=filters if symbol < 3 else Filters(),
                rank=draw.random(n),
                delisted=True,
            )
        )
    limits = Risk(
        stop_loss=0.05,
        take_profit=risk.take_profit,
        trail_activation=risk.trail_activation,
        trail_distance=risk.trail_distance,
        roi=risk.roi,
        sizing=Sizing(0.4),
        max_open_positions=3,
        max_entries=2,
        cooldown=2 * HOUR,
        max_symbol_exposure=1.5,
        max_total_exposure=2.5,
    )
    costs = Broker(10_000.0, 0.001, 0.0005, 0.0002, float(draw.choice([1.0, 3.0])), 0.01, volume_share=20.0)
    return books, costs, limits


def _random_orders(draw, close):
    """Shape (n, 7): every fourth bar an entry at the market, at a limit or by a trigger, with a stop or a target; and some exits."""
    orders = np.full((len(close), len(Order._fields)), np.nan)
    side, size, limit, trigger, stop, target, leave = orders.T
    size[:] = draw.choice([0.5, 1.0], len(close))
    side[:] = draw.choice([1.0, -1.0, *[0.0] * 6], len(close))
    leave[:] = draw.random(len(close)) < 0.05
    for prices in (limit, trigger, stop, target):
        some = draw.random(len(close)) < 0.3
        prices[some] = (close * draw.uniform(0.98, 1.02, len(close)))[some]
    trigger[np.isfinite(limit)] = np.nan
    return orders


def _follow_script(_state, _position, view):
    return Order(view.side, view.size, view.limit, view.trigger, view.stop, view.target, view.leave)


FOLLOW_SCRIPT = WatchFunction(_follow_script, (), Order._fields, ())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(golden_results(), indent=2) + "\n")
