"""Results of the market arithmetic that must be the same on every machine: prints them as JSON.

`test_results.py` compares them with `results.json`, under several compilers and processors. After a change that is meant to give other
results, raise `ARITHMETIC_REVISION` in `tidewright/domain/kernel.py` (not for a change of a built-in strategy alone) and write the file anew::

    uv run python tests/golden/results.py > tests/golden/results.json
"""

import hashlib
import json
import sys

import numpy as np

from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.backtest import backtest
from tidewright.domain.bars import Bars, Market
from tidewright.domain.costs import Broker, Risk, RoiStep, Sizing
from tidewright.domain.kernel import ARITHMETIC_REVISION, simulate
from tidewright.domain.provenance import bars_digest, result_digest
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.parameters import resolve_for
from tidewright.domain.strategies.strategy import Signals

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
CASES, BARS_OF_A_CASE = 60, 300


def golden_results():
    bars = SimulatedStore().read(MARKET)
    return {
        "arithmeticRevision": ARITHMETIC_REVISION,
        "data": {str(MARKET): bars_digest(bars)},
        "strategies": {
            name: {risk: _of_strategy(bars, strategy, terms) for risk, terms in RISKS.items()}
            for name, strategy in BUILTINS.items()
        },
        "randomCases": _of_random_cases(seed=7),
    }


def _of_strategy(bars, strategy, risk):
    ledger = backtest(bars, strategy, resolve_for(strategy, {}), BROKER, risk).ledger
    return {
        "fills": len(ledger.fills),
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


if __name__ == "__main__":
    sys.stdout.write(json.dumps(golden_results(), indent=2) + "\n")
