"""A service that asks Redis once more when it is told to stop, and says whether anybody answered."""

import os
import signal
import socket
from urllib.parse import urlsplit

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("waiting", flush=True)  # noqa: T201
signal.sigwait({signal.SIGTERM})
place = urlsplit(os.environ["TIDEWRIGHT_STREAMS"])
with socket.create_connection((place.hostname, place.port), timeout=5) as redis:
    redis.sendall(b"PING\r\n")
    print("Redis answered", redis.recv(100), flush=True)  # noqa: T201
