"""Which store serves which exchange, where the local one is, and whether what they hold is sound."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from tidewright.adapters import simulated
from tidewright.adapters.file_url import path_of
from tidewright.domain.bars import Bars, Market
from tidewright.domain.costs import Funding
from tidewright.domain.provenance import bars_digest, funding_digest
from tidewright.domain.quality import Severity, assess
from tidewright.ports import (
    BarStore,
    FundingStore,
    Merged,
    MergedFunding,
    Source,
    StoreDamaged,
    StoredFunding,
    StoredMarket,
    Stretch,
)


def store_root(environ: Mapping[str, str]) -> Path:
    """``$TIDEWRIGHT_DATA``, else ``$XDG_DATA_HOME/tidewright/data``, else ``~/.local/share/tidewright/data``."""
    if environ.get("TIDEWRIGHT_DATA"):
        return Path(environ["TIDEWRIGHT_DATA"]).expanduser()
    home = environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "tidewright" / "data"


def stores(environ: Mapping[str, str]) -> BarStore:
    """The embedded market for the exchange ``simulated``, and for every other the store at ``$TIDEWRIGHT_STORE``, or else the local one. Raises UrlRefused."""
    url = environ.get("TIDEWRIGHT_STORE")
    return store_at(url) if url else stores_at(store_root(environ))


def store_at(url: str) -> BarStore:
    """As `stores`, with the store at a URL: ``file:///data``, or ``postgresql://...``, which is asked for nothing yet. Raises UrlRefused."""
    if url.partition("://")[0] not in {"postgresql", "postgres"}:
        return stores_at(path_of(url))
    from tidewright.adapters.postgres.bars import PostgresBars  # noqa: PLC0415 - SQLAlchemy and asyncpg, for those who name it

    bars = PostgresBars(url)
    return RoutedStore({simulated.EXCHANGE: simulated.SimulatedStore()}, lambda: bars)


def stores_at(root: Path) -> BarStore:
    """As `stores`, with the local store in the folder `root`."""

    @cache
    def local() -> BarStore:
        from tidewright.adapters.parquet_store import ParquetStore  # noqa: PLC0415 - pyarrow, which the embedded market does without

        return ParquetStore(root)

    return RoutedStore({simulated.EXCHANGE: simulated.SimulatedStore()}, local)


class RoutedStore:
    """A `BarStore` made of others: some for one exchange each, and one for the rest that is made when first needed."""

    def __init__(self, routes: Mapping[str, BarStore], rest: Callable[[], BarStore]) -> None:
        self._routes = routes
        self._rest = rest

    def read(self, market: Market, start: int | None = None, end: int | None = None) -> Bars:
        return self._store(market.exchange).read(market, start, end)

    def merge(self, bars: Bars, source: Source, *, replace: bool = False) -> Merged:
        return self._store(bars.market.exchange).merge(bars, source, replace=replace)

    def record_absent(self, market: Market, absent: Sequence[Stretch]) -> StoredMarket:
        return self._store(market.exchange).record_absent(market, absent)

    def markets(self) -> list[StoredMarket]:
        return [stored for store in self._all() for stored in store.markets()]

    def describe(self, market: Market) -> StoredMarket:
        return self._store(market.exchange).describe(market)

    def read_funding(self, exchange: str, symbol: str) -> Funding:
        return self._store(exchange).read_funding(exchange, symbol)

    def merge_funding(
        self, exchange: str, symbol: str, funding: Funding, source: Source, *, replace: bool = False
    ) -> MergedFunding:
        return self._store(exchange).merge_funding(exchange, symbol, funding, source, replace=replace)

    def stored_funding(self) -> list[StoredFunding]:
        return [stored for store in self._all() for stored in store.stored_funding()]

    def describe_funding(self, exchange: str, symbol: str) -> StoredFunding:
        return self._store(exchange).describe_funding(exchange, symbol)

    def _store(self, exchange: str) -> BarStore:
        return self._routes.get(exchange) or self._rest()

    def _all(self) -> tuple[BarStore, ...]:
        return self._rest(), *self._routes.values()


def faults(store: BarStore, stored: StoredMarket) -> tuple[str, ...]:
    """Why the bars of a stored market should not be used: damage, a digest that is not the recorded one, broken quality rules. Reads them all."""
    if stored.damage:
        return (stored.damage,)
    try:
        bars = store.read(stored.market)
    except StoreDamaged as error:
        return (str(error),)
    digest = bars_digest(bars)
    changed = (
        ()
        if digest == stored.digest
        else (f"the bars have the digest {digest}, recorded is {stored.digest}; import them again",)
    )
    return (*changed, *(finding.message for finding in assess(bars) if finding.severity is Severity.ERROR))


def funding_faults(store: FundingStore, stored: StoredFunding) -> tuple[str, ...]:
    """Why the stored funding of a symbol should not be used: damage, or a digest that is not the recorded one. Reads it all."""
    if stored.damage:
        return (stored.damage,)
    try:
        funding = store.read_funding(stored.exchange, stored.symbol)
    except StoreDamaged as error:
        return (str(error),)
    digest = funding_digest(stored.exchange, stored.symbol, funding)
    if digest == stored.digest:
        return ()
    return (f"the rates have the digest {digest}, recorded is {stored.digest}; import them again",)
