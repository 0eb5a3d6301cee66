"""How ``tidewright data`` shows funding: tables for people, documents for programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidewright.adapters.funding_file import FundingFile
from tidewright.domain.funding_rates import usual_interval
from tidewright.domain.instant import utc
from tidewright.domain.timeframe import duration
from tidewright.ports import FundingNotFound, FundingStore, MergedFunding, StoreDamaged, StoredFunding


def found(store: FundingStore, exchange: str, symbol: str) -> StoredFunding | None:
    """What the store has of a symbol's funding, None where it has none."""
    try:
        return store.describe_funding(exchange, symbol)
    except FundingNotFound:
        return None
    except StoreDamaged as error:
        return StoredFunding(exchange, symbol, damage=str(error))


def document(stored: StoredFunding) -> dict[str, Any]:
    """The stored funding of a symbol in plain JSON; what cannot be known of damaged funding is absent."""
    name = {"exchange": stored.exchange, "symbol": stored.symbol}
    if stored.damage:
        return name | {"damage": stored.damage}
    return name | {
        "first": utc(stored.first),
        "last": utc(stored.last),
        "rates": stored.count,
        "digest": stored.digest,
        "sources": [{"name": source.name, "digest": source.digest} for source in stored.sources],
    }


def summary(stored: StoredFunding) -> str:
    """The stored funding of a symbol in one line."""
    return (
        "damaged" if stored.damage else f"{stored.count:,} rates, {_short(stored.first)} to {_short(stored.last)} UTC"
    )


def print_list(stored: Sequence[StoredFunding]) -> None:
    """One line a symbol, nothing where no symbol has funding."""
    if not stored:
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Exchange", "Symbol", "Funding"):
        table.add_column(heading, no_wrap=True)
    for funding in stored:
        table.add_row(funding.exchange, funding.symbol, Text(summary(funding), "red" if funding.damage else ""))
    console = Console()
    console.print()
    console.print(table)


def print_import(path: Path, file: FundingFile, merged: MergedFunding) -> None:
    console = Console()
    stored = merged.stored
    console.print(Text(f"{path.name}: {stored}", "bold"), soft_wrap=True)
    console.print(f"  {merged.added:,} rates added, {merged.replaced:,} replaced, {merged.unchanged:,} there already")
    console.print(
        f"  the store has {summary(stored)}, one every {duration(usual_interval(file.funding))} in this file",
        soft_wrap=True,
    )
    for note in file.notes:
        console.print(Text(f"  {note}", "dim"), soft_wrap=True)


def _short(time: int) -> str:
    return utc(time)[:16].replace("T", " ")
