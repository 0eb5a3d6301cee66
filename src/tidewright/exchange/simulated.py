"""Markets from a seed, of hourly bars of the market simulation and of trades every few seconds within them."""

import zlib

import numpy as np

from tidewright.adapters.simulated import ASSETS
from tidewright.domain.simulation import Asset, simulate
from tidewright.exchange.from_bars import BarUnits, market_of_units
from tidewright.exchange.markets import ExchangeMarket, Symbol

HOUR = 3_600_000
_PER_HOUR = 720
_KNOWN = {asset.symbol: asset for asset in ASSETS}


def simulated_market(symbol: Symbol, start: int, hours: int, seed: int) -> ExchangeMarket:
    """`hours` of a symbol from `start` (milliseconds, a full hour) on, a trade every five seconds; markets of one seed move together."""
    asset = _asset(symbol)
    bars = simulate(asset, hours, seed)
    price_places, volume_places = len(str(asset.ticks)) - 1, len(str(asset.lots)) - 1
    time = start + HOUR * np.arange(hours, dtype=np.int64)
    units = BarUnits(time, bars[:, :4], price_places, bars[:, 4], volume_places, HOUR)
    return market_of_units(symbol, units, _PER_HOUR, seed + asset.stream)


def _asset(symbol: Symbol) -> Asset:
    """That of the embedded market, or one that follows from the symbol's name."""
    name = f"{symbol.base}/{symbol.quote}"
    if name in _KNOWN:
        return _KNOWN[name]
    number = zlib.crc32(name.encode())
    price = float(10 ** (number % 4)) * (1 + number // 4 % 9)
    return Asset(name, 1_000 + number % 1_000_000, price, 10_000, 1e6 / price, 100, volatility=1.3, beta=0.6, spread=5)
