"""``python -m tidewright.serving.probe``: whether the service in this container answers, by its exit code; the health check of images.

It asks ``/healthz`` at ``TIDEWRIGHT_REST_PORT`` of this machine, over TLS where ``TIDEWRIGHT_TLS`` is set, and imports the standard library alone.
"""

import os
import ssl
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection

PATIENCE = 4.0
"""Seconds for an answer."""


def problem(environ: Mapping[str, str]) -> str:
    """What is wrong with the service that this environment describes; empty where it answers."""
    port = environ.get("TIDEWRIGHT_REST_PORT", "")
    if not port.isdecimal() or not 0 < int(port) <= 65_535:
        return f"TIDEWRIGHT_REST_PORT is {port!r}; set the port, from 1 to 65535, that the service listens on"
    connection = _connection(int(port), tls="TIDEWRIGHT_TLS" in environ)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"/healthz at port {port} does not answer: {error}"
    finally:
        connection.close()
    return "" if status == 200 else f"/healthz at port {port} answers {status}"


def _connection(port: int, *, tls: bool) -> HTTPConnection:
    if not tls:
        return HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = (
        False,
        ssl.CERT_NONE,
    )  # its certificate is for a name; nothing secret is sent
    return HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=context)


if __name__ == "__main__":
    sys.exit(problem(os.environ) or 0)
