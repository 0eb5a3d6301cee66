"""``python -m benchmarks.power``: how often the verdict on a study is right, on markets of which it is known whether there is anything to find."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import isnan

import numpy as np

from benchmarks.planted import HISTORY, NOISE, YEARS, Edge, market, net_sharpe
from tidewright.domain.bars import Bars, Market
from tidewright.domain.provenance import bars_digest
from tidewright.domain.trials import Trial
from tidewright.ports import StoredMarket
from tidewright.runs.study_findings import conclude
from tidewright.runs.study_plan import Evaluator, StudyPlan, load_study, plan_study
from tidewright.specs.manifest import Manifest
from tidewright.specs.optimization_study import OptimizationStudy

STUDY = """\
apiVersion: tidewright.io/v1alpha1
kind: OptimizationStudy
metadata: {name: power}
spec:
  strategy:
    source: {builtin: MovingAverageCross}
    parameters: {kind: sma}
    symbols: [TIDE/USDT]
    timeframe: 4h
  data: {exchange: planted, start: "START"}
  broker: {cash: 100000, commission: 0.1%, slippage: 0.05%}
  checks: {lookAhead: false, dataQuality: Ignore}
  searchSpace:
  - {name: fast, int: {min: 2, max: 200}}
  - {name: slow, int: {min: 4, max: 400}}
  sampler: {name: Grid}
  walkForward: {windows: 6, inSample: 70%}
"""
COMMISSION_FREE = ("commission: 0.1%, slippage: 0.05%", "commission: 0%, slippage: 0%")


@dataclass(frozen=True)
class OneMarket:
    """A `BarStore` of one series."""

    bars: Bars

    def read(self, market: Market, start: int | None = None, end: int | None = None) -> Bars:
        return self.bars.between(start or 0, end or 2**62)

    def describe(self, market: Market) -> StoredMarket:
        time = self.bars.time
        return StoredMarket(market, int(time[0]), int(time[-1]), len(time), 0, bars_digest(self.bars), True)

    def markets(self) -> list[StoredMarket]:
        return [self.describe(self.bars.market)]

    def read_funding(self, exchange: str, symbol: str) -> None:
        raise LookupError


@lru_cache(maxsize=4)
def study(*, free: bool = False) -> StudyPlan:
    """The plan; `free` of costs, which on noise is the harder case."""
    start = f"{np.datetime64(int(market(NOISE, 0).time[HISTORY]), 'ms')}Z"
    text = STUDY.replace("START", start)
    manifest = Manifest()
    manifest.read("power.yaml", text.replace(*COMMISSION_FREE) if free else text)
    resource, document = manifest.resources["OptimizationStudy", "power"]
    assert isinstance(resource, OptimizationStudy)
    return plan_study(resource, document, manifest)


def values(trials: int) -> list[dict[str, int]]:
    """So many pairs, spread evenly on a logarithmic grid around the one that knows the edge, to half and to two and a half times of either average."""
    side = 2
    while True:
        fast = sorted({round(value) for value in np.geomspace(4, 20, min(side, 17))})
        slow = sorted({round(value) for value in np.geomspace(24, 100, side)})
        pairs = [{"fast": one, "slow": other} for one, other in product(fast, slow)]
        if len(pairs) >= trials:
            return [pairs[int(index)] for index in np.linspace(0, len(pairs) - 1, trials)]
        side += 1


@dataclass(frozen=True)
class Case:
    """One market and one search."""

    edge: Edge
    seed: int
    trials: int = 100
    free: bool = False


@dataclass(frozen=True)
class Told:
    """The verdict, and what it rests on."""

    word: str
    deflated: float
    p_value: float
    pbo: float
    sharpe: float
    independent: float
    out_of_sample: float
    shape: str


def judged(case: Case) -> Told:
    """The study of one market, as `tidewright run` makes it."""
    plan = study(free=case.free)
    store = OneMarket(market(case.edge, case.seed))
    data = load_study(plan, store)
    evaluate = Evaluator(plan, data)
    trials: list[Trial] = [evaluate(number, named) for number, named in enumerate(values(case.trials))]
    found = conclude(plan, data, trials, store)
    evidence, stitched = found.evidence, found.walked.stitched
    if evidence is None or stitched is None:
        return Told(found.verdict.word, *[float("nan")] * 6, "Unknown")
    return Told(
        found.verdict.word,
        evidence.deflated.probability,
        evidence.p_value,
        evidence.pbo.probability,
        evidence.deflated.sharpe * 365**0.5,
        evidence.deflated.independent,
        stitched.metrics.sharpe,
        evidence.stability.shape,
    )


def edge_of(sharpe: float, markets: int = 60) -> Edge:
    """The edge with which the parameters that know of it have this net Sharpe ratio, by bisection over so many markets of four years."""
    low, high = 0.0, 0.004
    for _ in range(14):
        middle = (low + high) / 2
        if net_sharpe(Edge(middle), markets) < sharpe:
            low = middle
        else:
            high = middle
    return Edge((low + high) / 2)


def verdicts(cases: Sequence[Case], workers: int) -> list[Told]:
    """All of them, in their order."""
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(judged, cases, chunksize=4))


def row(name: str, found: Sequence[Told]) -> str:
    counts = Counter(one.word for one in found)
    known = [one for one in found if not isnan(one.deflated)]
    middle = [
        float(np.median([getattr(one, field) for one in known]))
        for field in ("deflated", "p_value", "pbo", "sharpe", "independent", "out_of_sample")
    ]
    figures = "{:.2f} | {:.3f} | {:.2f} | {:.2f} | {:.1f} | {:.2f}".format(*middle)
    return f"| {name} | {counts['Robust']} | {counts['Suspect']} | {counts['Overfit']} | {figures} |"


HEADING = """\
| Market | Robust | Suspect | Overfit | deflated Sharpe | p | PBO | Sharpe | independent | Sharpe out of sample |
|---|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=0, help="thresholds were chosen on seeds from 10000 on")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sharpes", type=float, nargs="*", default=[0.0, 0.5, 1.0, 1.5, 2.0])
    parser.add_argument("--trials", type=int, nargs="*", default=[100])
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.markets)
    print(f"{arguments.markets} markets of {YEARS} years of 4h bars each, seeds from {arguments.first_seed}; medians\n")
    for trials in arguments.trials:
        print(f"{trials} trials\n\n{HEADING}")
        told = [("noise, no costs", [Case(NOISE, seed, trials, free=True) for seed in seeds])]
        told.append(("noise", [Case(NOISE, seed, trials) for seed in seeds]))
        for sharpe in arguments.sharpes:
            if sharpe > 0.0:
                edge = edge_of(sharpe)
                told.append((f"net Sharpe {sharpe:g}", [Case(edge, seed, trials) for seed in seeds]))
        for name, cases in told:
            began = time.monotonic()
            print(row(name, verdicts(cases, arguments.workers)), flush=True)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        print()


if __name__ == "__main__":
    main()
