"""How many messages a second the local exchange sends: bare clients that count frames, against the command at full speed.

``python -m benchmarks.local_exchange CLIENTS RECORDING...``
"""

import asyncio
import subprocess
import sys
import time
from urllib.parse import urlsplit

STREAMS = "/".join(f"btcusdt@{kind}" for kind in ("trade", "bookTicker", "depth@100ms", "kline_1m", "aggTrade"))
SILENCE = 1.5
HANDSHAKE = (
    f"GET /stream?streams={STREAMS} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def frames(data):
    """How many whole frames there are, and what is left."""
    count = place = 0
    while len(data) - place > 10:
        size, head = data[place + 1], 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            size, head = int.from_bytes(data[place + 2 : place + 2 + wide], "big"), 2 + wide
        if len(data) - place < head + size:
            break
        count, place = count + 1, place + head + size
    return count, data[place:]


async def client(url):
    """Messages, and the seconds from the first to the last of them."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1 << 20)
    writer.write(HANDSHAKE.encode())
    await reader.readuntil(b"\r\n\r\n")
    total, rest, first, last = 0, b"", None, 0.0
    while True:
        try:
            data = await asyncio.wait_for(reader.read(1 << 20), SILENCE)
        except TimeoutError:
            break
        if not data:
            break
        first = first or time.perf_counter()
        count, rest = frames(rest + data)
        total, last = total + count, time.perf_counter()
    writer.close()
    return total, last - first


async def main(clients, files):
    command = [sys.executable, "-m", "tidewright.exchange", "--port", "0", "--speed", "max", "--replay", *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as exchange:
        try:
            url = exchange.stdout.readline().rpartition(" ")[2].strip()
            results = await asyncio.gather(*(client(url) for _ in range(clients)))
        finally:
            exchange.terminate()
    seconds = max(taken for _, taken in results)
    total = sum(count for count, _ in results)
    print(f"{clients} clients, {total:,} messages: {total / seconds:,.0f}/s, {total / clients / seconds:,.0f}/s each")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
