"""A download from loopback: two years of minutes, in monthly zip files of the archive's form, into a new store; and its parts alone.

``python -m benchmarks.download FOLDER`` answers `process.Contestant`; with ``serve`` after the folder it is the server.
"""

import asyncio
import hashlib
import json
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

from benchmarks.market import FIRST, MINUTE, generated
from benchmarks.process import in_turns, seconds, serve
from tidewright.adapters.exchange.archive import Archive
from tidewright.adapters.exchange.binance import Kind, archive_file
from tidewright.adapters.exchange.coverage import months
from tidewright.adapters.exchange.fulfil import fulfil
from tidewright.adapters.exchange.http import Http
from tidewright.adapters.exchange.order import Order
from tidewright.adapters.exchange.unpack import unpacked
from tidewright.adapters.parquet_store import ParquetStore
from tidewright.domain.bars import Market
from tidewright.domain.resampling import joined
from tidewright.ports import Source, Stretch

MARKET = Market("binance", "BTC/USDT", "1m")
START, END = 1_504_224_000_000, 1_567_296_000_000  # 2017-09-01 to 2019-09-01, within the generated minutes
FOLDER = Path(sys.argv[1]) / "archive"
FILES = [archive_file(MARKET, Kind.KLINES, month) for month in months([Stretch(START, END)], END)]


def written() -> None:
    """The archive, once."""
    columns = generated(1_100_000, MINUTE, seed=5)
    for file in FILES:
        first, last = ((time - FIRST) // MINUTE for time in file.period)
        rows = zip(*(columns[name][first:last].tolist() for name in columns), strict=True)
        lines = (
            f"{t},{o:.8f},{h:.8f},{lo:.8f},{c:.8f},{v:.8f},{t + MINUTE - 1},{v * c:.8f},{int(v * 9)},{v / 3:.8f},{v * c / 3:.8f},0\n"
            for t, o, h, lo, c, v in rows
        )
        path = FOLDER / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(file.name.replace(".zip", ".csv"), "".join(lines))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_name(f"{file.name}.CHECKSUM").write_text(f"{digest}  {file.name}\n")


class Handler(SimpleHTTPRequestHandler):
    """The files, and a REST interface that has nothing to add to them."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments, directory=str(FOLDER))

    def do_GET(self) -> None:
        if not self.path.startswith("/api/"):
            super().do_GET()
            return
        first = [[START, "1", "1", "1", "1", "1", 0]]
        body = json.dumps({"serverTime": END} if self.path.endswith("/time") else first).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@contextmanager
def server():
    """A process of its own, so that what it does is not counted as ours."""
    command = [sys.executable, "-m", "benchmarks.download", sys.argv[1], "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def download() -> dict[str, object]:
    """Seconds of whole downloads, and of fetching, decoding and merging alone, taking turns; and how much it was."""
    if not FOLDER.exists():
        written()
    paths = [FOLDER / file.path for file in FILES]
    bars = [unpacked(path, file, MARKET) for path, file in zip(paths, FILES, strict=True)]
    fresh = (Path(sys.argv[1]) / f"download-{i}" for i in count())

    def whole(url: str) -> None:
        folder = next(fresh)
        order = Order(MARKET, START, END, archive_url=url, rest_url=url)
        outcome = asyncio.run(fulfil(order, ParquetStore(folder), folder / ".downloads"))
        assert outcome.added == sum(map(len, bars)), outcome

    async def fetch(url: str) -> None:
        async with Http() as http:
            archive = Archive(http, url, next(fresh))
            await asyncio.gather(*map(archive.fetch, FILES))

    def decode() -> None:
        for path, file in zip(paths, FILES, strict=True):
            unpacked(path, file, MARKET)

    def merge() -> None:
        ParquetStore(next(fresh)).merge(joined(bars), Source("benchmark", ""))

    with server() as url:
        parts = {
            "whole": partial(whole, url),
            "fetch": lambda: asyncio.run(fetch(url)),
            "decode": decode,
            "merge": merge,
        }
        once = {name: partial(seconds, part, calls=1, unmeasured=0) for name, part in parts.items()}
        whole(url)
        times = in_turns(5, **once)
    sizes = [zipfile.ZipFile(path).infolist()[0] for path in paths]
    packed, text = sum(size.compress_size for size in sizes), sum(size.file_size for size in sizes)
    return {"times": times, "bars": sum(map(len, bars)), "packed": packed / 1e6, "text": text / 1e6}


if __name__ == "__main__":
    if sys.argv[2:] == ["serve"]:
        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(f"http://127.0.0.1:{http.server_port}", flush=True)
        http.serve_forever()
    serve({"download": download})
