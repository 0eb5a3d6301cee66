"""The service's OpenAPI document, held against what it answers while it collects from a local exchange."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from documented import probe
from local_exchange import serving

from tidewright.exchange.local import Settings
from tidewright.exchange.recording import recorded_markets

LEFT_OUT = frozenset({"positive_data_acceptance"})
"""A symbol that is well formed and that the exchange does not know is refused, and so is a period that ends before it begins."""


@contextmanager
def served(tape, folder):
    with serving(recorded_markets(tape), Settings(weight_limit=10**9)) as exchange:
        urls = {"EXCHANGE_URL": exchange.url, "STREAM_URL": exchange.url.replace("http", "ws"), "WEIGHT": "1000000"}
        told = {"HOST": "127.0.0.1", "REST_PORT": "0", "GRPC_PORT": "0", "STREAMS": "memory:", "STATE": str(folder)}
        with started(folder, {f"TIDEWRIGHT_{name}": value for name, value in (told | urls).items()}) as address:
            yield address


@contextmanager
def started(folder, told):
    environment = os.environ | told
    command = [sys.executable, "-m", "data_collector"]
    log = folder / "log"
    with log.open("wb") as written, subprocess.Popen(command, env=environment, stderr=written) as process:
        try:
            yield f"http://127.0.0.1:{port(log, process)}"
        finally:
            process.terminate()
            process.wait(30)


def port(log, process):
    with log.open() as lines:
        while process.poll() is None:
            line = lines.readline()
            if line.endswith("\n") and (event := json.loads(line))["event"] == "started":
                return event["rest"]
    raise AssertionError(log.read_text())


def test_what_it_answers_is_what_its_document_says(tape, tmp_path):
    with served(tape, tmp_path) as address:
        assert probe(address, examples=8, left_out=LEFT_OUT) >= 5


@pytest.mark.soak
def test_what_it_answers_is_what_its_document_says_over_many_requests(tape, tmp_path):
    with served(tape, tmp_path) as address:
        assert probe(address, examples=300, left_out=LEFT_OUT) >= 5
