"""What happens to every request, whichever protocol it came by: an id, a line in the log, figures."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from tidewright.serving.logs import bound, logger, request_id
from tidewright.serving.metrics import Metrics


@dataclass(slots=True)
class Account:
    """One request or stream. Whoever serves it fills in `method`, from a bounded set of names, and the `code` that it ended with."""

    id: str
    protocol: str
    method: str
    code: str = ""
    detail: str = ""
    failed: BaseException | None = None


@contextmanager
def accounted(metrics: Metrics, protocol: str, method: str, given_id: str | None) -> Iterator[Account]:
    """Log the request and count it once it has ended: right after, so that nobody waits for it."""
    account = Account(request_id(given_id), protocol, method)
    started = perf_counter()
    with bound(request_id=account.id):
        try:
            yield account
        finally:
            asyncio.get_running_loop().call_soon(_close, metrics, account, perf_counter() - started)


def _close(metrics: Metrics, account: Account, seconds: float) -> None:
    metrics.requests.labels(account.protocol, account.method, account.code).inc()
    metrics.seconds.labels(account.protocol, account.method).observe(seconds)
    _log(account, seconds)


def _log(account: Account, seconds: float) -> None:
    fields = {
        "protocol": account.protocol,
        "method": account.method,
        "code": account.code,
        "ms": round(seconds * 1e3, 3),
    }
    if account.detail:
        fields["detail"] = account.detail
    if account.failed is None:
        logger().info("request", **fields)
    else:
        logger().error("request failed", exc_info=account.failed, **fields)
