"""Where bars and funding rates are kept for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tidewright.domain.bars import Bars, Market
from tidewright.domain.costs import Funding


class MarketNotFound(LookupError):
    """A store has no bars of a market; the message names the nearest it has and the remedy."""


class FundingNotFound(LookupError):
    """A store has no funding rates of a symbol; the message names the remedy."""


class StoreRefused(ValueError):
    """A store will not take these bars or rates; the message names the first one that stands in the way and the remedy."""


class StoreDamaged(RuntimeError):
    """What a store holds of a market, or of its funding, cannot be read; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where bars or rates came from: a file's name, the digest of its content, and whether a generator made them instead of an exchange."""

    name: str
    digest: str
    simulated: bool = False


class Stretch(NamedTuple):
    """The times from `start` up to, and without, `end`, in milliseconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class StoredMarket:
    """What a store knows of a market without reading its bars.

    `first` and `last` are open times in milliseconds, `gaps` is the number of gaps, `digest` that of the bars when they were
    stored. `simulated` says that some of them come from a generator and not from an exchange. `absent` is where the exchange itself
    was asked for bars and has none. `damage` says why none of it can be known.
    """

    market: Market
    first: int = 0
    last: int = 0
    count: int = 0
    gaps: int = 0
    digest: str = ""
    simulated: bool = False
    sources: tuple[Source, ...] = ()
    absent: tuple[Stretch, ...] = ()
    damage: str = ""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge changed, in bars, and what is stored now."""

    added: int
    replaced: int
    unchanged: int
    stored: StoredMarket


@dataclass(frozen=True, slots=True)
class StoredFunding:
    """What a store knows of a symbol's funding rates without reading them.

    `first` and `last` are when those rates are due, in milliseconds; `digest` is that of the rates when they were stored. `damage` says
    why none of it can be known.
    """

    exchange: str
    symbol: str
    first: int = 0
    last: int = 0
    count: int = 0
    digest: str = ""
    sources: tuple[Source, ...] = ()
    damage: str = ""

    def __str__(self) -> str:
        return f"the funding of {self.symbol} on {self.exchange}"


@dataclass(frozen=True, slots=True)
class MergedFunding:
    """What a merge changed, in rates, and what is stored now."""

    added: int
    replaced: int
    unchanged: int
    stored: StoredFunding


class FundingStore(Protocol):
    """Funding rates by exchange and symbol. The arrays that it hands out are the caller's own."""

    def read_funding(self, exchange: str, symbol: str) -> Funding:
        """All stored rates in ascending time, with their times as they were published. Raises FundingNotFound and StoreDamaged."""
        ...

    def merge_funding(
        self, exchange: str, symbol: str, funding: Funding, source: Source, *, replace: bool = False
    ) -> MergedFunding:
        """Adds rates in ascending time to what is stored of their symbol, or changes nothing at all.

        Times are the same where they are in the same second. A rate that is stored already is left alone; one that differs from
        the stored one of its time is refused, unless `replace`. Raises StoreRefused, and TimeoutError when another process does not finish writing.
        """
        ...

    def stored_funding(self) -> list[StoredFunding]:
        """Every symbol that has funding, by exchange and symbol."""
        ...

    def describe_funding(self, exchange: str, symbol: str) -> StoredFunding:
        """What `stored_funding` says of one symbol. Raises FundingNotFound and StoreDamaged."""
        ...


class BarStore(FundingStore, Protocol):
    """Bars by market, and the funding of those that have any. The arrays that it hands out are the caller's own."""

    def read(self, market: Market, start: int | None = None, end: int | None = None) -> Bars:
        """The stored bars that open in [start, end), times in milliseconds; gaps are as they were imported, never filled.

        A period without bars gives no bars. Raises MarketNotFound and StoreDamaged.
        """
        ...

    def merge(self, bars: Bars, source: Source, *, replace: bool = False) -> Merged:
        """Adds bars in ascending time to what is stored of their market, or changes nothing at all.

        Bars that are stored already are left alone; a bar whose values differ from the stored one is refused, unless
        `replace`. Raises StoreRefused, and TimeoutError when another process does not finish writing.
        """
        ...

    def record_absent(self, market: Market, absent: Sequence[Stretch]) -> StoredMarket:
        """Remembers that the exchange has no bars that open in these stretches. Raises MarketNotFound, and StoreRefused where one has."""
        ...

    def markets(self) -> list[StoredMarket]:
        """Everything stored, by exchange, symbol and length of the timeframe."""
        ...

    def describe(self, market: Market) -> StoredMarket:
        """What `markets` says of one market. Raises MarketNotFound."""
        ...
