"""The embedded market: bars of our own generator, in files of the package, so that everything runs without a download.

``python -m tidewright.adapters.simulated`` writes the files anew; they hold prices in ticks and volumes in lots as 32-bit whole
numbers in numpy's format, which no compressor's version can change.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from tidewright.adapters.atomic import atomic_write
from tidewright.adapters.market_names import by_name, suggestion
from tidewright.domain.bars import COLUMNS, Bars, Integers, Market
from tidewright.domain.costs import Funding
from tidewright.domain.provenance import bars_digest
from tidewright.domain.quality import gaps
from tidewright.domain.simulation import Asset, resample, simulate
from tidewright.domain.timeframe import milliseconds
from tidewright.ports import (
    FundingNotFound,
    MarketNotFound,
    Merged,
    MergedFunding,
    Source,
    StoredFunding,
    StoredMarket,
    StoreRefused,
    Stretch,
)

EXCHANGE = "simulated"
"""The exchange whose bars come from the generator."""

SEED = 2
FIRST = 1_640_995_200_000  # 2022-01-01
HOUR = 3_600_000
COUNT = 912 * 24

ASSETS = (
    Asset("BTC/USDT", 10, 46_000.0, 100, 1_500.0, 1_000, volatility=1.0, beta=0.90, spread=50),
    Asset("ETH/USDT", 11, 3_700.0, 100, 15_000.0, 1_000, volatility=1.25, beta=0.75, spread=10),
    Asset("SOL/USDT", 12, 170.0, 100, 250_000.0, 100, volatility=1.7, beta=0.60, spread=2),
)
MARKETS = {Market(EXCHANGE, asset.symbol, timeframe): asset for asset in ASSETS for timeframe in ("1h", "4h", "1d")}
FOLDER = Path(__file__).with_name("embedded")


class SimulatedStore:
    """A `BarStore` that can only be read: hourly bars, and longer ones made of them."""

    def read(self, market: Market, start: int | None = None, end: int | None = None) -> Bars:
        if market not in MARKETS:
            raise MarketNotFound(
                f"the embedded market has no {market.symbol} {market.timeframe}{suggestion(market, MARKETS)}; "
                "`tidewright data list` shows what it has"
            )
        asset, step = MARKETS[market], milliseconds(market.timeframe)
        units = resample(np.load(_path(asset)).astype(np.int64), step // HOUR)
        bars = _bars(asset, units, market, step)
        return bars.between(FIRST if start is None else start, FIRST + COUNT * HOUR if end is None else end)

    def merge(self, bars: Bars, source: Source, *, replace: bool = False) -> Merged:
        """Always raises StoreRefused."""
        raise StoreRefused(
            f"{EXCHANGE!r} is the embedded market and takes no bars; name the exchange that {source.name} is from"
        )

    def record_absent(self, market: Market, absent: Sequence[Stretch]) -> StoredMarket:
        """Always raises StoreRefused."""
        raise StoreRefused(f"{EXCHANGE!r} is the embedded market and has no gaps")

    def read_funding(self, exchange: str, symbol: str) -> Funding:
        """Always raises FundingNotFound."""
        raise FundingNotFound(f"the embedded market has no perpetuals, and so no funding of {symbol}")

    def merge_funding(
        self, exchange: str, symbol: str, funding: Funding, source: Source, *, replace: bool = False
    ) -> MergedFunding:
        """Always raises StoreRefused."""
        raise StoreRefused(
            f"{EXCHANGE!r} is the embedded market and takes no funding; name the exchange that {source.name} is from"
        )

    def stored_funding(self) -> list[StoredFunding]:
        return []

    def describe_funding(self, exchange: str, symbol: str) -> StoredFunding:
        """Always raises FundingNotFound."""
        raise FundingNotFound(f"the embedded market has no perpetuals, and so no funding of {symbol}")

    def markets(self) -> list[StoredMarket]:
        return [self.describe(market) for market in sorted(MARKETS, key=by_name)]

    def describe(self, market: Market) -> StoredMarket:
        bars = self.read(market)
        file = _path(MARKETS[market])
        return StoredMarket(
            market=market,
            first=int(bars.time[0]),
            last=int(bars.time[-1]),
            count=len(bars),
            gaps=len(gaps(bars)),
            digest=bars_digest(bars),
            simulated=True,
            sources=(
                Source(
                    f"{file.name}, seed {SEED}",
                    f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}",
                    simulated=True,
                ),
            ),
        )


def generate(folder: Path = FOLDER) -> None:
    """Writes the embedded files; the same bytes every time, on every machine."""
    for asset in ASSETS:
        units = simulate(asset, COUNT, SEED)
        atomic_write(folder / _path(asset).name, partial(_write, units=units))


def _write(path: Path, units: Integers) -> None:
    with path.open("wb") as file:
        np.save(file, units.astype("<i4", casting="same_kind"))


def _path(asset: Asset) -> Path:
    return FOLDER / f"{asset.symbol.replace('/', '-')}-1h.npy"


def _bars(asset: Asset, units: Integers, market: Market, step: int) -> Bars:
    """A quotient of whole numbers is rounded once, so each price is the float nearest to its decimal form."""
    scales = dict.fromkeys(COLUMNS, asset.ticks) | {"volume": asset.lots}
    columns = {name: units[:, column] / scale for column, (name, scale) in enumerate(scales.items())}
    return Bars(time=FIRST + step * np.arange(len(units), dtype=np.int64), step=step, market=market, **columns)


if __name__ == "__main__":
    generate()
