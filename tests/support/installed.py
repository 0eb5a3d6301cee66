"""Teaches an API server the kinds of Tidewright."""

import json
import time
from collections.abc import Callable

import httpx

from tidewright.specs.crd import GROUP, VERSION, crd
from tidewright.specs.kinds import KINDS

PATIENCE = 30.0
"""Seconds that the API server has to take notice."""

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def install(kube: httpx.Client) -> None:
    """Apply the CRDs of all kinds; they are served on return."""
    for kind in KINDS:
        definition = crd(kind)
        kube.patch(
            f"{_DEFINITIONS}/{definition['metadata']['name']}",
            params={"fieldManager": "tests", "force": "true"},
            content=json.dumps(definition),
            headers={"Content-Type": "application/apply-patch+yaml"},
        ).raise_for_status()
    until(
        lambda: all(kube.get(f"/apis/{GROUP}/{VERSION}/{kind.plural}").is_success for kind in KINDS),
        "the kinds are served",
    )


def until(happened: Callable[[], bool], what: str) -> None:
    """Ask again until something has happened that the API server tells nobody of."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it is not so that {what}, after {PATIENCE:g} s")
        time.sleep(0.05)
