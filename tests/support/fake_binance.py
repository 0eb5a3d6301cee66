"""Binance on loopback: its archive and its REST interface over bars and funding that follow from their times, with faults on demand.

``python tests/support/fake_binance.py`` serves until its standard input ends, and prints its address first.
"""

import hashlib
import io
import json
import re
import socket
import struct
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STEPS = {
    "1m": 60_000,
    "5m": 300_000,
    "1h": 3_600_000,
    "4h": 14_400_000,
    "8h": 28_800_000,
    "1d": 86_400_000,
    "1w": 604_800_000,
}
ORIGINS = {"1w": 345_600_000}
DAY = STEPS["1d"]
HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
MICROSECONDS_FROM = 1_735_689_600_000  # 2025-01-01

_FILE = re.compile(
    r"/data/(?P<venue>spot|futures/um)/(?P<length>monthly|daily)/(?P<kind>klines|aggTrades|fundingRate)/(?P<symbol>\w+)/"
    r"(?:\w+/)?(?P=symbol)-(?P<label>\w+)-(?P<date>\d{4}-\d{2}(?:-\d{2})?)\.zip(?P<sum>\.CHECKSUM)?"
)

Fault = Callable[["_Handler", bytes], bool]
"""Answers a request its own way, given what the answer would have been; False leaves it to be answered as usual."""


def at(text: str) -> int:
    """Milliseconds since the epoch of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def kline(time: int, step: int) -> tuple[float, float, float, float, float]:
    """Open, high, low, close and volume of the bar that opens at `time`, a whole number of hundredths each."""
    number = time // step
    open_, close = 10_000 + number * 37 % 1_000, 10_000 + (number + 1) * 37 % 1_000
    volume = 4 * (1 + number * 7_919 % 10_000)
    return open_ / 100, (max(open_, close) + 7) / 100, (min(open_, close) - 5) / 100, close / 100, volume / 100


def funding_rate(time: int) -> str:
    """The rate that is due at `time`, a whole number of millionths."""
    return f"{(time // STEPS['4h'] * 7_919 % 601 - 300) / 1e6:.8f}"


class FakeBinance:
    """A context manager; the other attributes may be changed while it serves.

    `now` is its clock, `listed` when trading began. `outages` are stretches without bars, `lost` parts of paths of files that are not in
    the archive. `contents` changes the CSV of files whose path has a part in it, `zips` the zip files before their checksum
    is taken. `requests` are the paths that were asked for.
    """

    def __init__(self, now: int, listed: int, symbol: str = "BTCUSDT") -> None:
        self.now = now
        self.listed = listed
        self.symbol = symbol
        self.outages: list[tuple[int, int]] = []
        self.lost: list[str] = []
        self.contents: dict[str, Callable[[str], str]] = {}
        self.zips: dict[str, Callable[[bytes], bytes]] = {}
        self.requests: list[str] = []
        self._faults: list[tuple[str, Fault]] = []
        self._lock = threading.Lock()
        self.released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.fake = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FakeBinance":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def fail(self, part: str, *faults: Fault) -> None:
        """The next requests for paths with `part` in them get these answers, one each."""
        self._faults += [(part, fault) for fault in faults]

    def count(self, part: str) -> int:
        return sum(part in path for path in self.requests)

    def fault(self, path: str) -> Fault | None:
        with self._lock:
            self.requests.append(path)
            for i, (part, fault) in enumerate(self._faults):
                if part in path:
                    del self._faults[i]
                    return fault
        return None

    def opens(self, interval: str, start: int, end: int) -> Iterator[int]:
        step, origin = STEPS[interval], ORIGINS.get(interval, 0)
        first = -(-(max(start, self.listed) - origin) // step) * step + origin
        for time in range(first, min(end, self.now), step):
            if not any(a <= time < b for a, b in self.outages):
                yield time

    def klines(self, interval: str, start: int, end: int) -> Iterator[list[object]]:
        step = STEPS[interval]
        for time in self.opens(interval, start, end):
            numbers = [f"{number:.8f}" for number in kline(time, step)]
            yield [time, *numbers, time + step - 1, "0.00000000", 4, "0.00000000", "0.00000000", "0"]

    def trades(self, start: int, end: int) -> Iterator[tuple[int, str, str, int]]:
        """Number, price, quantity and time: four trades a bar of an hour, which make that bar."""
        step = STEPS["1h"]
        for time in self.opens("1h", start - start % step, end):
            open_, high, low, close, volume = kline(time, step)
            for i, price in enumerate((open_, high, low, close)):
                moment = time + i * (step // 4)
                if start <= moment < end:
                    yield 4 * (time // step) + i, f"{price:.8f}", f"{volume / 4:.8f}", moment

    def funding(self, start: int, end: int) -> Iterator[tuple[int, str]]:
        """Published time and rate, every eight hours and up to nine milliseconds late."""
        for time in self.opens("8h", start - start % STEPS["8h"], end):
            published = time + time // STEPS["8h"] % 10
            if start <= published < end:
                yield published, funding_rate(time)

    def file(self, path: str) -> bytes | None:
        """The zip file of a path, or its checksum file."""
        match = _FILE.fullmatch(path)
        if match is None or match["symbol"] != self.symbol or any(part in path for part in self.lost):
            return None
        content = self._content(match)
        if not content:
            return None
        name = path.rpartition("/")[2].removesuffix(".CHECKSUM")
        packed = _zipped(name.replace(".zip", ".csv"), self._changed(path, content))
        for part, change in self.zips.items():
            packed = change(packed) if part in path else packed
        return f"{hashlib.sha256(packed).hexdigest()}  {name}\n".encode() if match["sum"] else packed

    def _changed(self, path: str, content: str) -> str:
        for part, change in self.contents.items():
            content = change(content) if part in path else content
        return content

    def _content(self, match: re.Match[str]) -> str:
        start, end = _period(match["date"])
        if end > self.now:
            return ""
        micro = 1_000 if match["venue"] == "spot" and start >= MICROSECONDS_FROM else 1
        if match["kind"] == "aggTrades":
            return "".join(
                f"{number},{price},{quantity},{number},{number},{time * micro},True,True\n"
                for number, price, quantity, time in self.trades(start, end)
            )
        if match["kind"] == "fundingRate":
            lines = [f"{time},8,{rate}\n" for time, rate in self.funding(start, end)]
            return "".join(["calc_time,funding_interval_hours,last_funding_rate\n", *lines]) if lines else ""
        rows = [",".join(map(str, (row[0] * micro, *row[1:]))) for row in self.klines(match["label"], start, end)]
        header = [HEADER] if match["venue"] == "futures/um" and start >= at("2022-06-01") else []
        return "".join(f"{line}\n" for line in header + rows) if rows else ""

    def rest(self, path: str, query: dict[str, str]) -> tuple[int, object]:
        if path.endswith("/time"):
            return 200, {"serverTime": self.now}
        if not path.endswith(("/klines", "/aggTrades", "/fundingRate")):
            return 404, {}
        if query.get("symbol") != self.symbol:
            return 400, {"code": -1121, "msg": "Invalid symbol."}
        start, end = int(query.get("startTime", 0)), int(query.get("endTime", self.now)) + 1
        limit = int(query["limit"])
        if path.endswith("/klines"):
            rows: Iterator[object] = self.klines(query["interval"], start, end)
        elif path.endswith("/fundingRate"):
            rows = (
                {"symbol": self.symbol, "fundingTime": time, "fundingRate": rate, "markPrice": "100.00000000"}
                for time, rate in self.funding(start, end)
            )
        else:
            first = int(query.get("fromId", 0))
            rows = (
                {"a": number, "p": price, "q": quantity, "T": time}
                for number, price, quantity, time in self.trades(max(start, self.listed), end)
                if number >= first
            )
        return 200, [row for row, _ in zip(rows, range(limit), strict=False)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Clients that go away in the middle are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        fake: FakeBinance = self.server.fake
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        fault = fake.fault(self.path)
        if address.path.startswith("/data/"):
            content = fake.file(address.path)
            status, body = (404, b"<Error><Code>NoSuchKey</Code></Error>") if content is None else (200, content)
        else:
            status, answer = fake.rest(address.path, query)
            body = json.dumps(answer).encode()
        if fault is None or not fault(self, body):
            self.answer(status, body)

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """The answer as a server gives it that knows ranges."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        headers = dict(headers or {})
        if status == 200 and asked:
            first = int(asked[1])
            if first >= len(body):
                status, body = 416, b""
            else:
                status, headers["Content-Range"] = 206, f"bytes {first}-{len(body) - 1}/{len(body)}"
                body = body[first:]
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    """``status(429, Retry_After="3")``."""

    def fault(handler: _Handler, _: bytes) -> bool:
        handler.answer(code, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return True

    return fault


def cut(after: int) -> Fault:
    """The connection is reset once `after` bytes of the body have been sent."""

    def fault(handler: _Handler, body: bytes) -> bool:
        sent: list[bytes] = []
        handler.wfile, real = io.BytesIO(), handler.wfile
        handler.answer(200, body)
        head, _, rest = handler.wfile.getvalue().partition(b"\r\n\r\n")
        handler.wfile = real
        sent.append(head + b"\r\n\r\n" + rest[:after])
        real.write(sent[0])
        real.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.close_connection = True
        return True

    return fault


def stall(handler: _Handler, body: bytes) -> bool:
    """Headers, and then nothing for as long as the server runs."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.server.fake.released.wait()
    handler.close_connection = True
    return True


def trickle(handler: _Handler, body: bytes) -> bool:
    """A byte now and then, for as long as the server runs."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 30))
    handler.end_headers()
    with suppress(ConnectionError):
        while not handler.server.fake.released.wait(0.001):
            handler.wfile.write(b" ")
    handler.close_connection = True
    return True


def _period(date: str) -> tuple[int, int]:
    if len(date) == 10:
        return at(date), at(date) + DAY
    year, month = map(int, date.split("-"))
    return at(f"{date}-01"), at(f"{year + month // 12}-{month % 12 + 1:02d}-01")


@cache
def _zipped(name: str, content: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


if __name__ == "__main__":
    with FakeBinance(now=at(sys.argv[1]), listed=at(sys.argv[2])) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
