"""How the exchange does, on a terminal: a line that is kept up to date, and nothing elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from tidewright.domain.instant import utc
from tidewright.exchange.local import LocalExchange


@contextmanager
def shown(exchange: LocalExchange) -> Iterator[None]:
    """Shows virtual time, clients and messages a second, while the block runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with Live(get_renderable=_Line(exchange), console=console, refresh_per_second=2, transient=True):
        yield


class _Line:
    def __init__(self, exchange: LocalExchange) -> None:
        self._exchange = exchange
        self._last = time.monotonic(), 0

    def __call__(self) -> RenderableType:
        exchange, (then, delivered) = self._exchange, self._last
        now, total = time.monotonic(), exchange.hub.delivered
        rate = (total - delivered) / max(now - then, 1e-3)
        self._last = now, total
        clock = exchange.clock
        state = utc(clock.milliseconds() // 1_000 * 1_000) if clock.running else "waiting for the first subscription"
        clients = len(exchange.player.connections)
        return Text(
            f"{state}   {clients} client{'s' * (clients != 1)}   {rate:,.0f} messages/s   {total:,} sent   Ctrl-C ends",
            style="bold",
        )
