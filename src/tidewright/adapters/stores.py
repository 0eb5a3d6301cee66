"""Which store serves which exchange, where the local one is, and whether what they hold is sound."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from tidewright.adapters import simulated
from tidewright.domain.bars import Bars, Market
from tidewright.domain.provenance import bars_digest
from tidewright.domain.quality import Severity, assess
from tidewright.ports import BarStore, Merged, Source, StoreDamaged, StoredMarket, Stretch


def store_root(environ: Mapping[str, str]) -> Path:
    """``$TIDEWRIGHT_DATA``, else ``$XDG_DATA_HOME/tidewright/data``, else ``~/.local/share/tidewright/data``."""
    if environ.get("TIDEWRIGHT_DATA"):
        return Path(environ["TIDEWRIGHT_DATA"]).expanduser()
    home = environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "tidewright" / "data"


def stores(environ: Mapping[str, str]) -> BarStore:
    """The embedded market for the exchange ``simulated`` and the local store for every other."""
    root = store_root(environ)

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
        return self._store(market).read(market, start, end)

    def merge(self, bars: Bars, source: Source, *, replace: bool = False) -> Merged:
        return self._store(bars.market).merge(bars, source, replace=replace)

    def record_absent(self, market: Market, absent: Sequence[Stretch]) -> StoredMarket:
        return self._store(market).record_absent(market, absent)

    def markets(self) -> list[StoredMarket]:
        return [stored for store in (self._rest(), *self._routes.values()) for stored in store.markets()]

    def describe(self, market: Market) -> StoredMarket:
        return self._store(market).describe(market)

    def _store(self, market: Market) -> BarStore:
        return self._routes.get(market.exchange) or self._rest()


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
