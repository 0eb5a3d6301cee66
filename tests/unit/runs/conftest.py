"""A store of made-up bars, and backtests of them from text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tidewright.domain.bars import Bars, Market
from tidewright.domain.costs import Funding
from tidewright.domain.provenance import bars_digest
from tidewright.domain.quality import gaps
from tidewright.ports import BarStore, FundingNotFound, MarketNotFound, StoredMarket
from tidewright.runs.plan import BacktestPlan, plan_backtest
from tidewright.runs.study_plan import StudyPlan, plan_study
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Manifest
from tidewright.specs.optimization_study import OptimizationStudy

HOUR = 3_600_000
START = 1_672_531_200_000  # 2023-01-01
MARKET = Market("binance", "BTC/USDT", "1h")

MANIFEST = """\
apiVersion: tidewright.io/v1alpha1
kind: BacktestRun
metadata:
  name: demo
spec:
  strategy:
    source:
      builtin: MovingAverageCross
    parameters: {fast: 5, slow: 20}
    symbols: [BTC/USDT]
    timeframe: 1h
  data:
    exchange: binance
  checks: {lookAhead: true, dataQuality: Block, maxGap: 1d}
  seed: 7
"""


class Store:
    """A `BarStore` that holds whatever it is given, however broken."""

    def __init__(
        self, *series: Bars, simulated: bool = False, funding: Funding | Mapping[str, Funding] | None = None
    ) -> None:
        self.series = {bars.market: bars for bars in series}
        self.simulated = simulated
        self.funding = funding

    def read(self, market: Market, start: int | None = None, end: int | None = None) -> Bars:
        if market not in self.series:
            raise MarketNotFound(f"there are no bars of {market}")
        bars = self.series[market]
        wanted = np.ones(len(bars), np.bool_)
        if start is not None:
            wanted &= bars.time >= start
        if end is not None:
            wanted &= bars.time < end
        columns = ("time", "open", "high", "low", "close", "volume")
        return replace(bars, **{name: getattr(bars, name)[wanted] for name in columns})

    def describe(self, market: Market) -> StoredMarket:
        bars = self.series[market]
        first, last = int(bars.time.min()), int(bars.time.max())
        return StoredMarket(market, first, last, len(bars), len(gaps(bars)), bars_digest(bars), self.simulated)

    def read_funding(self, exchange: str, symbol: str) -> Funding:
        funding = self.funding.get(symbol) if isinstance(self.funding, Mapping) else self.funding
        if funding is None:
            raise FundingNotFound(f"there is no {symbol} funding on {exchange}")
        return funding

    def markets(self) -> list[StoredMarket]:
        return [self.describe(market) for market in self.series]


def _bars(count: int = 2_000, market: Market = MARKET, start: int = START, seed: int = 5) -> Bars:
    """A random walk of hourly bars."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, count)))
    opened = np.concatenate(([100.0], close[:-1]))
    return Bars(
        time=start + HOUR * np.arange(count, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * 1.002,
        low=np.minimum(opened, close) * 0.998,
        close=close,
        volume=random.uniform(1, 2, count),
        step=HOUR,
        market=market,
    )


@pytest.fixture
def make_bars() -> Callable[..., Bars]:
    return _bars


@pytest.fixture
def make_store() -> type[Store]:
    return Store


@pytest.fixture
def planned() -> Callable[..., BacktestPlan]:
    """The plan of the backtest in a text, once each ``old, new`` pair has been replaced in it; raises InputRefused."""

    def planned(
        *edits: tuple[str, str], also: str = "", store: BarStore | None = None, import_from: Sequence[Path] = ()
    ) -> BacktestPlan:
        text = MANIFEST
        for old, new in edits:
            assert old in text, f"{old!r} is not in the manifest"
            text = text.replace(old, new)
        manifest = Manifest()
        manifest.read("bt.yaml", text)
        manifest.read("strategy.yaml", also)
        assert manifest.problems == []
        run, document = manifest.resources["BacktestRun", "demo"]
        assert isinstance(run, BacktestRun)
        return plan_backtest(run, document, manifest, import_from, store)

    return planned


STUDY = """\
apiVersion: tidewright.io/v1alpha1
kind: OptimizationStudy
metadata:
  name: study
spec:
  strategy:
    source:
      builtin: MovingAverageCross
    parameters: {kind: ema}
    symbols: [BTC/USDT]
    timeframe: 1h
    risk: {stopLoss: 5%}
  data:
    exchange: binance
  searchSpace:
  - {name: fast, int: {min: 5, max: 20}}
  - {name: slow, int: {min: 10, max: 60, step: 10}}
  sampler: {name: Grid, seed: 7}
  walkForward: {windows: 3, inSample: 70%}
"""


@pytest.fixture
def study_planned() -> Callable[..., StudyPlan]:
    """The plan of the study in a text, once each ``old, new`` pair has been replaced in it; raises InputRefused."""

    def planned(
        *edits: tuple[str, str], also: str = "", store: BarStore | None = None, import_from: Sequence[Path] = ()
    ) -> StudyPlan:
        text = STUDY
        for old, new in edits:
            assert old in text, f"{old!r} is not in the manifest"
            text = text.replace(old, new)
        manifest = Manifest()
        manifest.read("study.yaml", text)
        manifest.read("strategy.yaml", also)
        assert manifest.problems == []
        study, document = manifest.resources["OptimizationStudy", "study"]
        assert isinstance(study, OptimizationStudy)
        return plan_study(study, document, manifest, import_from, store)

    return planned
