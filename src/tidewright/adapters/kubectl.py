"""Resources as `kubectl` reads them: with the user's own configuration, context and credentials."""

import json
import shutil
import subprocess
from typing import Any

PATIENCE = 30.0
"""Seconds that an answer may take."""


class ClusterSilent(OSError):
    """`kubectl` is not there, or had no answer; the message says why, and what to do."""


def resource(kind: str, name: str, namespace: str | None = None, patience: float = PATIENCE) -> dict[str, Any]:
    """The resource of that kind and name, in `namespace` or in that of the current context. Raises ClusterSilent."""
    program = shutil.which("kubectl")
    if program is None:
        raise ClusterSilent(
            "there is no kubectl on the PATH; install it, or name the study's result folder in the place of --from-cluster"
        )
    command = [program, "get", kind, name, "-o", "json", f"--request-timeout={patience:g}s"]
    command += ["-n", namespace] if namespace else []
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=2 * patience, check=False)  # noqa: S603 - no shell, and names are checked by the API server
    except subprocess.TimeoutExpired:
        raise ClusterSilent(
            f"kubectl had no answer within {2 * patience:g} s; see whether `kubectl get {kind}` works"
        ) from None
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines()
        raise ClusterSilent(
            f"kubectl: {said[-1] if said else f'ended with {ended.returncode}'}; see `kubectl get {kind} -A`"
        )
    try:
        found = json.loads(ended.stdout)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ClusterSilent(f"kubectl answered no JSON object for {kind} {name}; see `kubectl version`")
    return found
