"""The rules as data: what each is called, how severe it is, what is wrong with a row that breaks it, and what to do then.

A row rule is a bit of a mask. Its verdict on a row follows from the row and the sound rows before it, never from a later one, so it is the same whether rows are judged all at
once or as they come. *Sound* is a row that breaks no rule of severity Error: an absurd row condemns itself and not the next one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tidewright.domain.timeframe import DAY

STALE_RUN = 12
"""From how many bars in a row with one and the same open, high, low and close the price counts as stale."""

LARGE_CHANGE = 0.5
"""The change of price from one row to the next, as a share of the former, beyond which it is an anomaly."""

PRICE_LIMIT = 1e6
"""No price is as high, in units as large as a dollar."""

_SMALL_UNITS_LIMIT = 1e12
_LARGE_UNITS = frozenset(
    [
        "AUD",
        "BNB",
        "BTC",
        "BUSD",
        "CAD",
        "CHF",
        "DAI",
        "ETH",
        "EUR",
        "EURI",
        "FDUSD",
        "GBP",
        "NZD",
        "PYUSD",
        "SGD",
        "SOL",
        "TUSD",
        "USD",
        "USD1",
        "USDC",
        "USDD",
        "USDE",
        "USDP",
        "USDT",
    ]
)

AMOUNT_LIMIT = 1e18
"""No volume, and no trade's quantity, is as large: the smallest coins trade some 1e15 a day."""

EARLIEST, LATEST = 0, 4_102_444_800_000
"""What can be is in [1970-01-01, 2100-01-01), milliseconds since the epoch: any other time is of another unit, or none."""

ID_LIMIT = 2**53
"""No trade has so high an id: beyond, not every number is told from the next one by all who count in floats."""

LEAD = DAY
"""How far a row's time may lie after it was received: clocks and time zones go wrong by hours; a day is none of those."""


class Severity(StrEnum):
    """Whether rows may be used (Warning) or not (Error)."""

    ERROR = "Error"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class QualityRule:
    """`description` says what is wrong with a row that breaks the rule, `remedy` what to do about it."""

    name: str
    severity: Severity
    description: str
    remedy: str


def price_limit(symbol: str) -> float:
    """From where on a price of the symbol (``BTC/USDT``) counts as absurd.

    A million, unless it is quoted in a currency whose unit is smaller than a dollar's order: a bitcoin is millions of lira and billions of rupiah. No symbol counts as quoted in dollars.
    """
    quote = symbol.partition("/")[2].partition(":")[0]
    return PRICE_LIMIT if not quote or quote in _LARGE_UNITS else _SMALL_UNITS_LIMIT


NON_FINITE = 1 << 0
NON_POSITIVE_PRICE = 1 << 1
PRICE_TOO_HIGH = 1 << 2
NEGATIVE_VOLUME = 1 << 3
VOLUME_TOO_HIGH = 1 << 4
HIGH_TOO_LOW = 1 << 5
LOW_TOO_HIGH = 1 << 6
DUPLICATE_TIME = 1 << 7
UNSORTED_TIME = 1 << 8
FUTURE_TIME = 1 << 9
OFF_GRID = 1 << 10
GAP = 1 << 11
ZERO_VOLUME = 1 << 12
STALE_PRICE = 1 << 13
PRICE_JUMP = 1 << 14
IMPOSSIBLE_TIME = 1 << 15

_AGAIN = "ask the exchange for it again; if it says the same, leave the row out"
_ONCE = "keep one of the rows"
_ORDER = "put the rows in order of time; a row that comes late in a stream is archived and not passed on"
_CLOCK = "set the clock of whoever received it, or leave the row out: it may not have closed yet"
_UNIT = "give milliseconds since the epoch"
_LOOK = "look at the market around it; a listing, a split or a crash is real, a misplaced decimal point is not"
_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

BAR_RULES: Mapping[int, QualityRule] = {
    NON_FINITE: QualityRule("NonFinite", _ERROR, "a price or the volume is missing or infinite", _AGAIN),
    NON_POSITIVE_PRICE: QualityRule("NonPositivePrice", _ERROR, "a price is zero or negative", _AGAIN),
    PRICE_TOO_HIGH: QualityRule(
        "PriceTooHigh", _ERROR, f"a price is {PRICE_LIMIT:,.0f} or more, or {_SMALL_UNITS_LIMIT:g} in a currency of small units", _AGAIN
    ),
    NEGATIVE_VOLUME: QualityRule("NegativeVolume", _ERROR, "the volume is negative", _AGAIN),
    VOLUME_TOO_HIGH: QualityRule("VolumeTooHigh", _ERROR, f"the volume is {AMOUNT_LIMIT:g} or more", _AGAIN),
    HIGH_TOO_LOW: QualityRule("HighTooLow", _ERROR, "the high is below the open, the low or the close", _AGAIN),
    LOW_TOO_HIGH: QualityRule("LowTooHigh", _ERROR, "the low is above the open or the close", _AGAIN),
    DUPLICATE_TIME: QualityRule("DuplicateTime", _ERROR, "the time is that of the newest bar before", _ONCE),
    UNSORTED_TIME: QualityRule("UnsortedTime", _ERROR, "the time is earlier than that of a bar before", _ORDER),
    IMPOSSIBLE_TIME: QualityRule("ImpossibleTime", _ERROR, "the time is not in 1970 to 2100", _UNIT),
    FUTURE_TIME: QualityRule("FutureTime", _ERROR, "it closes over a day after it was received", _CLOCK),
    OFF_GRID: QualityRule("OffGrid", _WARNING, "the time is not on the timeframe's grid", "check timeframe and time zone"),
    GAP: QualityRule("Gap", _WARNING, "follows a gap", "download what is missing; where the exchange was closed there is nothing"),
    ZERO_VOLUME: QualityRule("ZeroVolume", _WARNING, "nothing was traded", "expect no fills there"),
    STALE_PRICE: QualityRule(
        "StalePrice", _WARNING, f"the prices are those of the {STALE_RUN - 1} or more bars before", "check that the market was open"
    ),
    PRICE_JUMP: QualityRule("PriceJump", _WARNING, f"the close is over {LARGE_CHANGE:.0%} away from the one before", _LOOK),
}  # fmt: skip
"""The row rules of bars, by their bits, in the order in which findings are told."""

NON_POSITIVE_QUANTITY = 1 << 3
QUANTITY_TOO_HIGH = 1 << 4
IMPOSSIBLE_ID = 1 << 5
DUPLICATE_ID = 1 << 6
UNSORTED_ID = 1 << 7
TRADE_UNSORTED_TIME = 1 << 8
ID_GAP = 1 << 10

TRADE_RULES: Mapping[int, QualityRule] = {
    NON_FINITE: QualityRule("NonFinite", _ERROR, "the price or the quantity is missing or infinite", _AGAIN),
    NON_POSITIVE_PRICE: QualityRule("NonPositivePrice", _ERROR, "the price is zero or negative", _AGAIN),
    PRICE_TOO_HIGH: QualityRule(
        "PriceTooHigh", _ERROR, f"the price is {PRICE_LIMIT:,.0f} or more, or {_SMALL_UNITS_LIMIT:g} in a currency of small units", _AGAIN
    ),
    NON_POSITIVE_QUANTITY: QualityRule("NonPositiveQuantity", _ERROR, "the quantity is zero or negative", _AGAIN),
    QUANTITY_TOO_HIGH: QualityRule("QuantityTooHigh", _ERROR, f"the quantity is {AMOUNT_LIMIT:g} or more", _AGAIN),
    IMPOSSIBLE_ID: QualityRule("ImpossibleId", _ERROR, "the id is negative, or 2**53 or more", _AGAIN),
    DUPLICATE_ID: QualityRule("DuplicateId", _ERROR, "the id is that of the newest trade before", _ONCE),
    UNSORTED_ID: QualityRule("UnsortedId", _ERROR, "the id is lower than that of a trade before", _ORDER),
    TRADE_UNSORTED_TIME: QualityRule("UnsortedTime", _WARNING, "the time is earlier than that of a trade before", _ORDER),
    IMPOSSIBLE_TIME: QualityRule("ImpossibleTime", _ERROR, "the time is not in 1970 to 2100", _UNIT),
    FUTURE_TIME: QualityRule("FutureTime", _ERROR, "it happened over a day after it was received", _CLOCK),
    ID_GAP: QualityRule("IdGap", _WARNING, "ids before it are missing", "ask the exchange for the trades by their ids"),
    PRICE_JUMP: QualityRule("PriceJump", _WARNING, f"the price is over {LARGE_CHANGE:.0%} away from the one before", _LOOK),
}  # fmt: skip
"""The row rules of trades, likewise."""

OUTLIER = QualityRule("Outlier", _WARNING, "the price reaches over 40 times as far as usual", _LOOK)
"""The rule that needs the whole series: see `tidewright.domain.quality.findings`."""

RULES = (*BAR_RULES.values(), OUTLIER)
"""Every rule of bars that needs nothing but the bars."""


def _errors(rules: Mapping[int, QualityRule]) -> int:
    return sum(bit for bit, rule in rules.items() if rule.severity is Severity.ERROR)


BAR_ERRORS = _errors(BAR_RULES)
"""The bits of severity Error."""

TRADE_ERRORS = _errors(TRADE_RULES)
"""Likewise of trades."""

REPEATED_BAR = DUPLICATE_TIME | UNSORTED_TIME
"""The bits that also a row breaks which only came a second time, or late; whoever gets rows at least once tells these by what is stored."""

REPEATED_TRADE = DUPLICATE_ID | UNSORTED_ID
"""Likewise of trades."""


def broken(mask: int, rules: Mapping[int, QualityRule]) -> tuple[QualityRule, ...]:
    """The rules that a row with this mask breaks, in their order."""
    return tuple(rule for bit, rule in rules.items() if mask & bit)
