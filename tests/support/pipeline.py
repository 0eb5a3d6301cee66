"""The market data's way, from the exchange to the signals: Redis, an archive, and the services as processes."""

import asyncio
import os
import subprocess
import sys
import time

from tidewright.adapters.archives import archive_at
from tidewright.adapters.streams_url import streams_at

SYMBOL, EXCHANGE = "BTC/USDT", "binance"
STRATEGY = """
apiVersion: tidewright.io/v1alpha1
kind: TradingStrategy
metadata: {name: ema-cross}
spec:
  source:
    rules:
      columns: {fast: "ema(close, 3)", slow: "ema(close, 8)"}
      enter: fast crosses above slow
      exit: fast crosses below slow
  symbols: [BTC/USDT]
  timeframe: 5m
"""


def until(happened, what, seconds):
    """Ask again until something has happened that nobody tells of."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"after {seconds} s: not {what}"
        time.sleep(0.1)


class Pipeline:
    """`redis` is a server, `database` the URL of another."""

    def __init__(self, folder, exchange_url, redis, database):
        self.folder, self.redis, self.database = folder, redis, database
        self._exchange, self._running = exchange_url, {}
        self.strategy = folder / "strategy.yaml"
        self.strategy.write_text(STRATEGY)
        self.anchor = folder / "anchor"

    def start(self, module, **settings):
        told = {"HOST": "127.0.0.1", "REST_PORT": 0, "GRPC_PORT": 0, "STREAMS": self.redis.url, **settings}
        environment = os.environ | {f"TIDEWRIGHT_{name}": str(value) for name, value in told.items()}
        with (self.folder / f"{module}.log").open("ab") as log:
            command = [sys.executable, "-m", module]
            self._running[module] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def start_collector(self):
        habits = {"QUIET": 1, "SILENCE": 5, "RECONNECT": 0.5, "MEASURE": 1, "WEIGHT": 1_000_000}
        self.start(
            "data_collector",
            SYMBOLS=SYMBOL,
            TIMEFRAMES="1m,5m",
            EXCHANGE_URL=self._exchange,
            STREAM_URL=self._exchange.replace("http", "ws"),
            **habits,
        )

    def start_validation(self):
        self.start("data_validation", ARCHIVE=self.database)

    def start_signals(self):
        served = {"STRATEGY": self.strategy, "ANCHOR": self.anchor, "EXCHANGE": EXCHANGE}
        self.start("tidewright.signals", ARCHIVE=self.database, **served)

    def kill(self, module):
        process = self._running[module]
        assert process.poll() is None, self.log(module)[-3000:]
        process.kill()
        process.wait()

    def stop(self):
        for process in self._running.values():
            process.terminate()
        for module, process in self._running.items():
            process.wait(30)
            sys.stdout.write(f"{module}:\n{self.log(module)[-4000:]}")

    def log(self, module):
        return (self.folder / f"{module}.log").read_text()

    def archived(self, ask):
        """What the archive answers."""

        async def asked():
            archive = archive_at(self.database)
            try:
                return await ask(archive)
            finally:
                await archive.close()

        return asyncio.run(asked())

    def streamed(self, ask):
        """What the streams answer."""

        async def asked():
            streams = streams_at(self.redis.url)
            try:
                return await ask(streams)
            finally:
                await streams.close()

        return asyncio.run(asked())

    def newest_trade(self):
        return self.archived(lambda archive: archive.newest_trade(EXCHANGE, SYMBOL)) or 0
