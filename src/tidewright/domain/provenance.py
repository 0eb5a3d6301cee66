"""What a result was made of, as digests that are the same on every machine."""

import hashlib
import json
from typing import Any

from tidewright.domain.bars import COLUMNS, Bars
from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import due_times
from tidewright.domain.ledger import Ledger


def bars_digest(bars: Bars) -> str:
    """``sha256:...`` over the market's name, the number of bars, their times and their columns.

    Times go in as little-endian int64, then each of `COLUMNS` in order as little-endian float64; so two series have the same
    digest when they are the same bit for bit, whatever file they came from.
    """
    digest = hashlib.sha256("\0".join(("tidewright bars 1", *bars.market, str(len(bars)))).encode())
    digest.update(bars.time.astype("<i8").tobytes())
    for name in COLUMNS:
        digest.update(getattr(bars, name).astype("<f8").tobytes())
    return f"sha256:{digest.hexdigest()}"


def funding_digest(exchange: str, symbol: str, funding: Funding) -> str:
    """``sha256:...`` over the contract's name, the number of rates, when they are due as little-endian int64 and the rates as little-endian float64.

    Published times go in to the second: the jitter differs from publisher to publisher, and changes no payment.
    """
    digest = hashlib.sha256("\0".join(("tidewright funding 1", exchange, symbol, str(len(funding.time)))).encode())
    digest.update(due_times(funding).astype("<i8").tobytes())
    digest.update(funding.rate.astype("<f8").tobytes())
    return f"sha256:{digest.hexdigest()}"


def result_digest(ledger: Ledger, arithmetic_revision: int) -> str:
    """``sha256:...`` over the fills and the equity, little-endian, and the revision of the arithmetic that made them; with the fills' symbols where there are several.

    Metrics follow from these and are not part of it; neither is the version of the package.
    """
    fills = ledger.fills
    digest = hashlib.sha256(f"tidewright result {arithmetic_revision}\0{len(fills)}\0{len(ledger.equity)}".encode())
    symbols = (fills.symbol,) if ledger.symbols > 1 else ()
    for integers in (fills.time, fills.side, fills.reason, fills.position, *symbols):
        digest.update(integers.astype("<i8").tobytes())
    for numbers in (fills.price, fills.quantity, fills.fee, ledger.equity):
        digest.update(numbers.astype("<f8").tobytes())
    return f"sha256:{digest.hexdigest()}"


def record_digest(record: dict[str, Any]) -> str:
    """``sha256:...`` over a record of JSON values, whatever the order of its keys."""
    return source_digest(json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False))


def source_digest(text: str) -> str:
    """``sha256:...`` over a text, with line ends as on Unix."""
    return f"sha256:{hashlib.sha256(text.replace(chr(13) + chr(10), chr(10)).encode()).hexdigest()}"
