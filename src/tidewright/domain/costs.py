"""What trading costs and how much of the account a position may take: the terms that the kernel works under."""

from dataclasses import dataclass
from fractions import Fraction
from math import inf

from tidewright.domain.bars import Floats, Integers


@dataclass(frozen=True, slots=True)
class Broker:
    """The account and its costs.

    `cash` is the account before the first bar, in quote currency. `commission` is a share of each fill's notional, `slippage` the
    share by which a market or stop order fills worse than its price, never beyond the bar's range. Targets are limit orders and pay
    `maker_commission`, where it is given.

    With `leverage` a position's value may be so many times the margin set aside for it; where less than `maintenance_margin` of its value is left, the
    exchange takes it over (isolated margin): the loss ends with the margin, and no debt remains.

    `volume_share` is the most that the account's fills may take of a bar's volume. An entry is cut down to it; an exit goes on at the opens of the bars that follow.
    """

    cash: float
    commission: float = 0.0
    slippage: float = 0.0
    maker_commission: float | None = None
    leverage: float = 1.0
    maintenance_margin: float = 0.0
    volume_share: float = inf


@dataclass(frozen=True, slots=True)
class Bracket:
    """What the exchange allows positions worth up to `notional`, in quote currency: `leverage`, and the share of their value that is their maintenance margin."""

    notional: float
    leverage: float
    maintenance_margin: float


@dataclass(frozen=True, slots=True)
class Filters:
    """What the exchange asks of orders of one symbol; zero, or no brackets, means nothing.

    Prices are whole multiples of `tick` and quantities of `lot`, rounded to the trader's disadvantage; an entry worth less than `min_notional` is refused.
    `brackets` are in order of `notional`; their margins take the place of the broker's.
    """

    tick: Fraction = Fraction(0)
    lot: Fraction = Fraction(0)
    min_notional: float = 0.0
    brackets: tuple[Bracket, ...] = ()


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Funding:
    """What holders of a perpetual pay each other: at `time` (m,), in milliseconds, long positions pay `rate` (m,) of their value to short ones."""

    time: Integers
    rate: Floats


@dataclass(frozen=True, slots=True)
class Sizing:
    """How large a new position is; exactly one of the two is positive.

    `fraction` is the share of equity spent, commission included. `risk` is the share of equity lost if the stop-loss fills at its price,
    commission and slippage included; never more than the account can pay for.
    """

    fraction: float = 1.0
    risk: float = 0.0


@dataclass(frozen=True, slots=True)
class RoiStep:
    """From `after` milliseconds since the entry on, a profit of `profit` (a share of the entry price) is enough to leave."""

    after: int
    profit: float


@dataclass(frozen=True, slots=True)
class Risk:
    """Stops and targets of one position, as shares of its entry price; zero means none.

    The trailing stop follows the highest price since entry at `trail_distance` once that price is `trail_activation` above the entry.
    `roi` is in order of `after`.

    At most `max_open_positions` are open at a time, each made of at most `max_entries` entries; for `cooldown` milliseconds from the opening of the bar in which one was closed, its symbol is not
    entered again. An entry may not carry the value of its symbol's position beyond `max_symbol_exposure` times equity, nor that of all positions beyond `max_total_exposure`; prices may, later.
    """

    stop_loss: float = 0.0
    take_profit: float = 0.0
    trail_activation: float = 0.0
    trail_distance: float = 0.0
    roi: tuple[RoiStep, ...] = ()
    sizing: Sizing = Sizing()
    max_open_positions: int = 1
    max_entries: int = 1
    cooldown: int = 0
    max_symbol_exposure: float = inf
    max_total_exposure: float = inf
