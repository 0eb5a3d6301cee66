"""Makes what is missing of the platform's passwords, and writes the Secrets whose URLs and users follow from them.

A password that is there is never changed. Its plan is a file: the Secret of the passwords and their names, and the Secrets that follow, with `{name}`
where a password belongs and `{name.sha256}` where its digest does.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import ssl
import sys
from collections.abc import Mapping
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
MANAGER = "tidewright-credentials"
ATTEMPTS = 5
PLACE = re.compile(r"\{(\w+)(\.sha256)?\}")

Object = dict[str, Any]


class Refused(Exception):
    """The API server will not; the message is its own."""


def main(plan: Object) -> None:
    passwords = ensured(plan["passwords"])
    for secret in plan["secrets"]:
        data = {key: filled(template, passwords) for key, template in secret["data"].items()}
        applied({**secret, "data": {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}})
        told(f"{secret['metadata']['namespace']}/{secret['metadata']['name']} is up to date")


def ensured(wanted: Object) -> dict[str, str]:
    """The passwords; those that are missing are made, and kept for good. Two at a time agree."""
    namespace, name = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
    path = f"/api/v1/namespaces/{namespace}/secrets"
    for _ in range(ATTEMPTS):
        status, found = asked("GET", f"{path}/{name}")
        there: Mapping[str, str] = found.get("data", {}) if status == 200 else {}
        missing = [one for one in wanted["names"] if one not in there]
        made = {one: base64.b64encode(secrets.token_hex(24).encode()).decode() for one in missing}
        if status == 404:
            status, found = asked(
                "POST", path, {"apiVersion": "v1", "kind": "Secret", "metadata": wanted["metadata"], "data": made}
            )
        elif missing:
            version = {"resourceVersion": found["metadata"]["resourceVersion"]}
            status, found = asked(
                "PATCH", f"{path}/{name}", {"metadata": version, "data": made}, "application/merge-patch+json"
            )
        if status in {200, 201}:
            if missing:
                told(f"made {', '.join(missing)} in {namespace}/{name}")
            return {one: base64.b64decode(text).decode() for one, text in found["data"].items()}
    raise Refused(f"{namespace}/{name} changes all the time; somebody else writes it")


def filled(template: str, passwords: Mapping[str, str]) -> str:
    def word(place: re.Match[str]) -> str:
        password = passwords[place[1]].strip()
        return hashlib.sha256(password.encode()).hexdigest() if place[2] else quote(password, safe="")

    return PLACE.sub(word, template)


def applied(secret: Object) -> None:
    namespace, name = secret["metadata"]["namespace"], secret["metadata"]["name"]
    path = f"/api/v1/namespaces/{namespace}/secrets/{name}?fieldManager={MANAGER}&force=true"
    asked("PATCH", path, {"apiVersion": "v1", "kind": "Secret", **secret}, "application/apply-patch+yaml")


def asked(method: str, path: str, body: Object | None = None, kind: str = "application/json") -> tuple[int, Object]:
    """Status and object; a conflict and an absence are answers too. Raises Refused."""
    host, port = (os.environ[f"KUBERNETES_SERVICE_{part}"] for part in ("HOST", "PORT"))
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    connection = HTTPSConnection(host, int(port), timeout=10, context=trusted)
    headers = {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}", "Content-Type": kind}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status not in {200, 201, 404, 409}:
        raise Refused(f"{method} {path}: {text}")
    if answer.status == 404 and method != "GET":
        raise Refused(f"{method} {path}: {text}")
    return answer.status, json.loads(text)


def told(what: str) -> None:
    sys.stdout.write(f"{what}\n")


try:
    main(json.loads(Path(sys.argv[1]).read_text()))
except Refused as refusal:
    sys.exit(str(refusal))
