"""Fixtures that every test may use."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from postgres_databases import TestServer

# Started in the background, a shell has its children ignore Ctrl-C, and theirs too; some tests are about it.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("soak", max_examples=5_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data beside the checkout; without it the test is skipped, which continuous integration refuses."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real market data is not at {SHARED_DATA}: put the folder there to run this test")
    return SHARED_DATA


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In continuous integration nothing may be skipped: what a test needs must be there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(
            f"{len(skipped)} tests were skipped, which continuous integration refuses (see above)", red=True
        )
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _path_of_its_own() -> Iterator[None]:
    """A strategy's folder stays on the Python path for as long as a command runs; the next test has another."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator["TestServer"]:
    """PostgreSQL from a wheel, or the one at $TIDEWRIGHT_TEST_DATABASE."""
    from postgres_databases import test_server  # noqa: PLC0415 - only the tests that ask for it wait for its imports

    with test_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def database_url(postgres_server: "TestServer") -> Iterator[str]:
    """A new database with this version's schema, as its superuser."""
    with postgres_server.database() as url:
        yield url
