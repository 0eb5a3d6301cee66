"""The local exchange beside a test: in a thread with a loop of its own, or as a process."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from background_loop import BackgroundLoop

from tidewright.domain.bars import Bars
from tidewright.domain.tape import Tape
from tidewright.exchange.faults import Faults
from tidewright.exchange.local import LocalExchange, Settings
from tidewright.exchange.markets import ExchangeMarket
from tidewright.exchange.server import ExchangeServer


class ServedExchange:
    """An exchange that serves at `url`, with access to the truth; made by `serving`."""

    def __init__(self, exchange: LocalExchange, background: BackgroundLoop, server: ExchangeServer) -> None:
        self.exchange = exchange
        self.url = server.url
        self._background = background
        self._server = server

    def truth(self, symbol: str) -> Tape:
        """Every trade of the tape of ``BTC/USDT``."""
        return self.exchange.truth(symbol)

    def bars(self, symbol: str, timeframe: str) -> Bars:
        """The bars that these trades make; of the last one the end may be missing."""
        return self.exchange.bars(symbol, timeframe)

    def faults(self, **plan: object) -> None:
        """``faults(drop=0.001, http_429={"rate": 1, "seconds": 1})``: in the place of those of the same name; 0 ends one."""
        named = {name.replace("_", "-"): fault for name, fault in plan.items()}
        self._background.run(_called(lambda: self.exchange.faults.change(named)))

    def calm(self) -> None:
        """No fault happens any more."""
        self._background.run(_called(self.exchange.faults.clear))

    def drop(self) -> int:
        """Cut all stream connections; how many there were."""
        return self._background.run(_called(self.exchange.drop))

    def wait_until_ended(self, seconds: float = 60) -> None:
        """Until everything on the tape has been sent. Raises TimeoutError."""
        self._background.run(_within(self._server.played(), seconds))


@contextmanager
def serving(
    markets: Sequence[ExchangeMarket], settings: Settings | None = None, *, seed: int = 0, port: int = 0, **plan: object
) -> Iterator[ServedExchange]:
    """``with serving(recorded_markets([file]), Settings(speed=inf, wait=True), drop=0.001) as exchange``."""
    faults = Faults(seed, {name.replace("_", "-"): fault for name, fault in plan.items()})
    exchange = LocalExchange(markets, settings or Settings(), faults)
    with BackgroundLoop() as background:
        server = ExchangeServer(exchange, port=port)
        background.run(server.__aenter__())
        try:
            yield ServedExchange(exchange, background, server)
        finally:
            background.run(server.__aexit__())


@contextmanager
def process(*arguments: str, folder: Path) -> Iterator[str]:
    """``tidewright exchange`` with these arguments as a process, on a port of its own; its address."""
    ready = folder / "exchange.url"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tidewright.exchange", "--port", "0", "--ready-file", str(ready), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            line = running.stdout.readline()
            assert line.startswith("serving "), line
            yield line.rpartition(" ")[2].strip()
        finally:
            running.terminate()
            running.communicate(timeout=10)


def get(url: str, method: str = "GET", body: object = None) -> object:
    """What an address answers, as JSON."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, method=method), timeout=10) as answer:  # noqa: S310 - an address of a test
        return json.load(answer)


async def _called(function):
    return function()


async def _within(waiting, seconds):
    return await asyncio.wait_for(waiting, seconds)
