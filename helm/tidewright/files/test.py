"""What `helm test` asks: whether each service answers that it is ready. Its arguments are their URLs."""

import ssl
import sys
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

PATIENCE = 120.0
"""Seconds in which a service must have become ready."""


def main(urls: list[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    for url in urls:
        while (status := answer(url)) != "200":
            if time.monotonic() > deadline:
                sys.exit(f"{url} answers {status} for {PATIENCE:.0f} s; the log of its pod tells why")
            time.sleep(1)
        sys.stdout.write(f"{url} is ready\n")


def answer(url: str) -> str:
    """The status, or why there is none."""
    place = urlsplit(url)
    connection = HTTPConnection(place.netloc, timeout=5)
    if place.scheme == "https":
        # Whether it is ready is no secret, and probes show no certificate.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = HTTPSConnection(place.netloc, timeout=5, context=context)
    try:
        connection.request("GET", place.path)
        return str(connection.getresponse().status)
    except (OSError, HTTPException) as error:
        return str(error)
    finally:
        connection.close()


main(sys.argv[1:])
