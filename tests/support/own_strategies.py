"""Strategies as users write them: sound ones, and some with a fault each."""

import sys
import threading

import numpy as np

import tidewright
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.indicators import ema, sma

ENOUGH = threading.Event()
"""Lets one go that hangs."""


class Channel(tidewright.SignalStrategy):
    """Parameters of every kind, numbers that are undefined at first, and truth values among the columns."""

    parameters = (
        tidewright.Parameter("length", "Int", 20, 2, 200, 1, description="Bars of the channel."),
        tidewright.Parameter("width", "Float", 1.0, 0.0, 5.0),
        tidewright.Parameter("calm", "Bool", False),
        tidewright.Parameter("kind", "Choice", "sma", choices=("sma", "ema")),
    )

    def warmup(self, parameters):
        return 6 * parameters["length"]

    def columns(self, bars, parameters):
        average = {"sma": sma, "ema": ema}[parameters["kind"]](bars.close, parameters["length"])
        spread = sma(bars.high - bars.low, parameters["length"]) * parameters["width"]
        return {"upper": average + spread, "lower": average - spread, "rising": bars.close > bars.open}

    def signals(self, bars, columns, parameters):
        return tidewright.Signals(bars.close > columns["upper"], bars.close < columns["lower"])


class BothSides(tidewright.SignalStrategy):
    def warmup(self, parameters):
        return 240

    def columns(self, bars, parameters):
        return {"fast": ema(bars.close, 12), "slow": ema(bars.close, 48)}

    def signals(self, bars, columns, parameters):
        up = columns["fast"] > columns["slow"]
        return tidewright.Signals(up, ~up, ~up, up)


class DayTrend(tidewright.SignalStrategy):
    """Of longer bars too."""

    def warmup(self, parameters):
        return (9 + 2) * 24 - 2

    def columns(self, bars, parameters):
        daily = tidewright.longer(bars, "1d")
        return {"trend": daily.aligned(sma(daily.bars.close, 10))}

    def signals(self, bars, columns, parameters):
        above = bars.close > columns["trend"]
        return tidewright.Signals(enter=above, exit=~above)


class Bare:
    """Of no base class, without a name and without columns."""

    parameters = ()

    def warmup(self, parameters):
        return 0

    def columns(self, bars, parameters):
        return {}

    def signals(self, bars, columns, parameters):
        return tidewright.Signals(bars.close > bars.open, bars.close < bars.open)


class Peeking(tidewright.SignalStrategy):
    """Uses the future."""

    def warmup(self, parameters):
        return 1

    def columns(self, bars, parameters):
        return {"gain": np.append(bars.close[1:], np.nan) / bars.close - 1}

    def signals(self, bars, columns, parameters):
        return tidewright.Signals(columns["gain"] > 0.002, columns["gain"] < -0.002)


class Undefined(Bare):
    """All of its columns are NaN."""

    def columns(self, bars, parameters):
        return {"nothing": np.full(len(bars), np.nan)}


class Raising(Bare):
    def signals(self, bars, columns, parameters):
        raise ZeroDivisionError("division by zero")


class Refusing(Bare):
    def warmup(self, parameters):
        raise StrategyError("fast must be below slow; choose other ones")


class Leaving(Bare):
    def signals(self, bars, columns, parameters):
        sys.exit("enough")


class Short(Bare):
    """Has a value too few."""

    def columns(self, bars, parameters):
        return {"short": bars.close[1:]}


class Crowded(Bare):
    def columns(self, bars, parameters):
        return {f"column {i}": bars.close for i in range(1_000)}


class Backwards(Bare):
    def warmup(self, parameters):
        return -1


class Endless(Bare):
    def warmup(self, parameters):
        return 2**62


class Writing(Bare):
    def columns(self, bars, parameters):
        bars.close[0] = 1.0
        return {}


class Hanging(Bare):
    def signals(self, bars, columns, parameters):
        ENOUGH.wait(3_600)


class Stepping(tidewright.StepStrategy):
    def warmup(self, parameters):
        return 0
