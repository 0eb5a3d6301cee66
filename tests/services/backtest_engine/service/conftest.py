"""One service with a real worker for all tests, others whose workers follow a script."""

from contextlib import contextmanager

import pytest
from backtest_host import SCRIPTED, asked


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """A service with a real worker; what a test has run is there for those after it."""
    with asked(tmp_path_factory.mktemp("results")) as running:
        yield running


@pytest.fixture
def scripted(tmp_path):
    """Starts a service whose workers follow the script, with settings of its own."""

    @contextmanager
    def scripted(**settings):
        with asked(tmp_path / "results", SCRIPTED, **settings) as running:
            yield running

    return scripted
