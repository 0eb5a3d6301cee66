"""What `helm test` asks: does the API server serve the kinds, and does an operator hold the Lease and renew it?"""

import json
import os
import ssl
import sys
import time
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
KINDS = {"BacktestRun", "OptimizationStudy", "RLTraining", "TradingStrategy"}
LEASE = "/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/tidewright-operator"
PATIENCE = 60.0
"""Seconds until the Lease must have been renewed; it is every five."""


def main() -> str:
    missing = KINDS - {served["kind"] for served in asked("/apis/tidewright.io/v1alpha1").get("resources", ())}
    if missing:
        sys.exit(f"the API server does not serve {', '.join(sorted(missing))}: api.crds.install=true installs them")
    before, deadline = lease(), time.monotonic() + PATIENCE
    while not (now := lease()).get("holderIdentity") or now["renewTime"] == before.get("renewTime"):
        if time.monotonic() > deadline:
            sys.exit(f"nobody has renewed the Lease for {PATIENCE:.0f} s; the operator's log tells why")
        time.sleep(0.5)
    return f"the API server serves all kinds, and {now['holderIdentity']} holds the Lease"


def lease() -> dict[str, Any]:
    found: dict[str, Any] = asked(LEASE.format(namespace=(ACCOUNT / "namespace").read_text())).get("spec", {})
    return found


def asked(path: str) -> dict[str, Any]:
    """What the API server has at a path; nothing where it has none."""
    host, port = (os.environ[f"KUBERNETES_SERVICE_{part}"] for part in ("HOST", "PORT"))
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    connection = HTTPSConnection(host, int(port), timeout=10, context=trusted)
    connection.request("GET", path, headers={"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"})
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status not in {200, 404}:
        sys.exit(f"{path}: {text}")
    found: dict[str, Any] = json.loads(text) if answer.status == 200 else {}
    return found


sys.stdout.write(main() + "\n")
