"""What is asked of an exchange, and what came of it."""

from dataclasses import dataclass, field

from tidewright.adapters.exchange.binance import Kind
from tidewright.domain.bars import Market
from tidewright.ports import StoredMarket, Stretch


@dataclass(frozen=True, slots=True)
class Order:
    """The bars of `market` that open from `start` to before `end`, in milliseconds; None is now.

    `kind` says what they are made of; with `replace` a downloaded bar wins over a stored one of other values. The addresses stand for
    the exchange's own.
    """

    market: Market
    start: int
    end: int | None = None
    kind: Kind = Kind.KLINES
    replace: bool = False
    connections: int = 4
    archive_url: str | None = None
    rest_url: str | None = None


@dataclass(slots=True)
class Outcome:
    """What came of an order: its `period` on the grid of the bars, what is `stored` now, how many files and requests brought bars,
    and how many bars they added or replaced.

    `absent` is what the exchange turned out not to have, `unrepaired` what is missing still. `failed` says that a server did not
    answer, or answered what could not be taken; `notes` say what, and what else a reader should know.
    """

    period: Stretch
    stored: StoredMarket | None = None
    files: int = 0
    requests: int = 0
    added: int = 0
    replaced: int = 0
    absent: list[Stretch] = field(default_factory=list)
    unrepaired: list[Stretch] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: bool = False
