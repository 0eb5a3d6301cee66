"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
