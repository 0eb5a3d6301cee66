"""The strategies that are built in: rules like anybody's own, with the defaults of the literature."""

from collections.abc import Mapping
from types import MappingProxyType

from tidewright.domain.strategies.declaration import rule_strategy
from tidewright.domain.strategies.rule_strategy import RuleStrategy
from tidewright.domain.strategies.strategy import Parameter


def _window(name: str, default: int, high: int, of_what: str) -> Parameter:
    return Parameter(name, "Int", default, 2, high, 1, description=f"window of {of_what}, in bars")


_MOVING_AVERAGE_CROSS = rule_strategy(
    "MovingAverageCross",
    parameters=[
        _window("fast", 10, 200, "the average that reacts sooner"),
        _window("slow", 30, 1_000, "the average that reacts later"),
        Parameter("kind", "Choice", "sma", choices=("sma", "ema", "wma"), description="kind of both averages"),
    ],
    constraints={"fast < slow": "the fast average is the one of the shorter window"},
    columns={"fast_average": "average(close, fast, kind)", "slow_average": "average(close, slow, kind)"},
    enter="fast_average crosses above slow_average",
    exit="fast_average crosses below slow_average",
    description=(
        "Follows a trend: enters when the fast moving average of the close crosses above the slow one, exits when it crosses "
        "below. Such a rule is wrong more often than right and lives on the few long moves, so it loses in a market without "
        "direction. Stop-loss and take-profit belong to `risk`, as with every strategy."
    ),
)

_RSI_MEAN_REVERSION = rule_strategy(
    "RsiMeanReversion",
    parameters=[
        _window("period", 14, 200, "the relative strength index"),
        Parameter("oversold", "Float", 30.0, 1, 50, 1, description="level under which the price has fallen too far"),
        Parameter("overbought", "Float", 70.0, 50, 99, 1, description="level over which the price has risen too far"),
        Parameter(
            "trend", "Int", 200, 0, 1_000, 1, description="window of the trend's average, in bars; 0 for no filter"
        ),
    ],
    columns={"rsi": "rsi(close, period)"},
    enter="rsi crosses above oversold and (trend == 0 or close > sma(close, trend))",
    exit="rsi crosses above overbought",
    description=(
        "Buys the end of a dip: enters when the relative strength index comes back up through `oversold`, when the fall has "
        "stopped rather than while it lasts, and exits when the index rises through `overbought`. Only dips in a rising "
        "market are bought: the close must be above its simple average over `trend` bars, unless `trend` is 0."
    ),
)

_BOLLINGER_BREAKOUT = rule_strategy(
    "BollingerBreakout",
    parameters=[
        _window("window", 20, 500, "the average in the middle of the bands"),
        Parameter("width", "Float", 2.0, 0.5, 5, 0.1, description="distance of the bands, in standard deviations"),
    ],
    columns={
        "lower": "bollinger_lower(close, window, width)",
        "middle": "bollinger_middle(close, window, width)",
        "upper": "bollinger_upper(close, window, width)",
    },
    enter="close crosses above upper",
    exit="close crosses below middle",
    description=(
        "Buys strength: enters when the close breaks out above the upper Bollinger band, which is a move larger than its own "
        "recent past makes likely, and exits when the close falls back through the average in the middle."
    ),
)

_MACD_CROSS = rule_strategy(
    "MacdCross",
    parameters=[
        _window("fast", 12, 200, "the average that reacts sooner"),
        _window("slow", 26, 500, "the average that reacts later"),
        _window("signal", 9, 200, "the average of the MACD line"),
    ],
    constraints={"fast < slow": "the fast average is the one of the shorter window"},
    columns={
        "macd": "macd(close, fast, slow, signal)",
        "macd_signal": "macd_signal(close, fast, slow, signal)",
        "macd_histogram": "macd_histogram(close, fast, slow, signal)",
    },
    enter="macd crosses above macd_signal",
    exit="macd crosses below macd_signal",
    description=(
        "Follows momentum: enters when the MACD line, the distance of a fast from a slow exponential average, crosses above its own "
        "average, exits when it crosses below. It turns sooner than a cross of averages and trades more often for it."
    ),
)

_AI_ENHANCED = rule_strategy(
    "AiEnhanced",
    parameters=[
        Parameter("votes", "Int", 4, 1, 6, 1, description="how many of the six indicators must agree"),
        _window("rsi_window", 14, 200, "the relative strength index"),
        _window("macd_fast", 12, 200, "the MACD's faster average"),
        _window("macd_slow", 26, 500, "the MACD's slower average"),
        _window("macd_signal", 9, 200, "the average of the MACD line"),
        _window("band_window", 20, 500, "the Bollinger bands"),
        Parameter("band_width", "Float", 2.0, 0.5, 5, 0.1, description="distance of the bands, in standard deviations"),
        _window("ema_fast", 20, 200, "the faster exponential average"),
        _window("ema_slow", 50, 1_000, "the slower exponential average"),
        _window("volume_window", 20, 500, "the average volume"),
        _window("atr_window", 14, 200, "the average true range"),
        Parameter(
            "atr_distance", "Float", 1.0, 0, 10, 0.1, description="distance from the slower average, in true ranges"
        ),
    ],
    constraints={
        "macd_fast < macd_slow": "the fast average is the one of the shorter window",
        "ema_fast < ema_slow": "the fast average is the one of the shorter window",
    },
    columns={
        "rsi": "rsi(close, rsi_window)",
        "macd_histogram": "macd_histogram(close, macd_fast, macd_slow, macd_signal)",
        "lower": "bollinger_lower(close, band_window, band_width)",
        "upper": "bollinger_upper(close, band_window, band_width)",
        "fast_average": "ema(close, ema_fast)",
        "slow_average": "ema(close, ema_slow)",
        "usual_volume": "sma(volume, volume_window)",
        "noise": "atr_distance * atr(atr_window)",
        "bullish": (
            "count(rsi > 50, macd_histogram > 0, close > upper, fast_average > slow_average, "
            "volume > usual_volume and close > open, close > slow_average + noise)"
        ),
        "bearish": (
            "count(rsi < 50, macd_histogram < 0, close < lower, fast_average < slow_average, "
            "volume > usual_volume and close < open, close < slow_average - noise)"
        ),
    },
    enter="bullish >= votes and bullish[1] < votes",
    exit="bearish >= votes and bearish[1] < votes",
    description=(
        "The technical part of a strategy that also asks the market's memory and a learned policy before it trades. Six indicators "
        "vote on every bar. For a rise: RSI over 50; MACD over its average; the close above the upper Bollinger band; the fast EMA above "
        "the slow one; a rising bar on more than the usual volume; the close further above the slow EMA than noise, measured by the ATR, explains. "
        "The mirror image votes for a fall. It enters on the bar on which `votes` of them come to agree on a rise, and exits on that of a fall."
    ),
)

BUILTINS: Mapping[str, RuleStrategy] = MappingProxyType(
    {
        strategy.name: strategy
        for strategy in (
            _MOVING_AVERAGE_CROSS,
            _RSI_MEAN_REVERSION,
            _BOLLINGER_BREAKOUT,
            _MACD_CROSS,
            _AI_ENHANCED,
        )
    }
)
"""The built-in strategies by the name that ``source.builtin`` takes; each has its `description`."""
