"""Where finished backtests are kept for good, to be looked up and ranked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

RANKED_BY = (
    "sharpe", "totalReturn", "cagr", "volatility", "sortino", "calmar", "maxDrawdown", "winRate", "profitFactor", "trades",
)  # fmt: skip
"""The figures that a book can rank runs by, as a record's `result` names them."""


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A backtest that is over: its record (`tidewright.runs.record.document_of`), and the table of its trades.

    `id` is whatever its keeper calls it by, such as namespace, name and UID; doing it again may give it another result, which is kept beside.
    """

    id: str
    record: Mapping[str, Any]
    trades: Mapping[str, NDArray[Any]]
    saved_ms: int

    @property
    def digest(self) -> str:
        """That of the result."""
        return str(self.record["provenance"]["digest"])


@dataclass(frozen=True, slots=True)
class RunEntry:
    """What a book says of a run in one line; `figures` are those of `RANKED_BY`, None where undefined. Periods are as the record has them."""

    id: str
    digest: str
    saved_ms: int
    name: str
    strategy: str
    exchange: str
    symbol: str
    timeframe: str
    start: str
    end: str
    simulated: bool
    figures: Mapping[str, float | None]


class RunBook(Protocol):
    """Finished runs by their id and the digest of their result. Every method raises ArchiveUnavailable."""

    async def save(self, run: FinishedRun) -> bool:
        """Whether it was new; what is there already stays as it is, so repeating does no harm. Raises ArchiveRefused."""
        ...

    async def run(self, run_id: str, digest: str | None = None) -> FinishedRun | None:
        """The run of an id; of several results the one saved last, unless a digest says which."""
        ...

    async def runs(self, most: int) -> list[RunEntry]:
        """The newest first."""
        ...

    async def leaderboard(self, figure: str, most: int) -> list[RunEntry]:
        """The best first by one of `RANKED_BY`, those where it is undefined last. Each is measured over its own period."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...
