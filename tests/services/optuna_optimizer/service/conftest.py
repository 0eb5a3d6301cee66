"""A service whose studies follow a script, one for all tests of a module and others with settings of their own."""

from contextlib import contextmanager

import pytest
from optimizer_host import SCRIPTED, asked


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """What a test has searched is there for those after it."""
    with asked(tmp_path_factory.mktemp("results"), SCRIPTED) as running:
        yield running


@pytest.fixture
def scripted(tmp_path):
    """Starts a service with settings of its own; another one after it finds what it left."""

    @contextmanager
    def scripted(*command, **settings):
        with asked(tmp_path / "results", (*SCRIPTED, *command), **settings) as running:
            yield running

    return scripted
