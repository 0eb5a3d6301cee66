"""What the process of a service does before it serves."""

import gc

import pytest
from toy_service import Toy

from tidewright.serving import host
from tidewright.serving.settings import ServingSettings


@pytest.fixture
def thawed():
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("thawed")
def test_what_was_imported_is_never_looked_through_for_garbage_while_it_serves(monkeypatch):
    frozen = []

    def served(work):
        work.close()
        frozen.append(gc.get_freeze_count())
        return 0

    monkeypatch.setattr(host.asyncio, "run", served)
    monkeypatch.setattr(host.logs, "configure", lambda *_: None)
    assert host.run(lambda metrics: Toy().service(), ServingSettings()) == 0
    assert frozen[0] > 10_000
