"""Whether something on this machine can be asked."""

import json
from http.client import HTTPConnection, HTTPException

_TIMEOUT = 1.0


def service_ready(host: str, port: int) -> str | None:
    """What ``/readyz`` of a service says: why it is not ready, an empty text where it is, None where nothing answers."""
    answer = _asked(host, port, "/readyz")
    if answer is None:
        return None
    status, body = answer
    if status == 200:
        return ""
    try:
        return str(json.loads(body)["reason"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}"


def exchange_ready(host: str, port: int) -> str | None:
    """The same of a local exchange."""
    answer = _asked(host, port, "/api/v3/ping")
    return None if answer is None else "" if answer[0] == 200 else f"HTTP {answer[0]}"


def _asked(host: str, port: int, path: str) -> tuple[int, bytes] | None:
    connection = HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(65_536)
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
