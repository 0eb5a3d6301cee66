"""Which tracker a URL names."""

import pytest

from tidewright.adapters import trackers
from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.trackers import check_tracking, track_result
from tidewright.ports import TrackingFailed


@pytest.mark.parametrize(
    "url", ["http://mlflow:8010", "https://mlflow.example", "sqlite:////data/mlflow.db", "file:///data/mlruns"]
)
def test_a_place_that_there_may_be(url):
    assert check_tracking(url) == url


@pytest.mark.parametrize(
    "url", ["", "mlflow", "ftp://mlflow", "http://", "http://mlflow:x", "file://here", "file:relative", "sqlite:///"]
)
def test_a_place_that_there_cannot_be(url):
    with pytest.raises(UrlRefused, match="write http://HOST:PORT"):
        check_tracking(url)


def test_without_the_extra_it_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(UrlRefused, match=r"pip install 'tidewright\[tracking\]'"):
        check_tracking("http://mlflow:8010")


def test_whatever_goes_wrong_is_told_as_one_thing(tmp_path):
    with pytest.raises(TrackingFailed, match="KeyError: 'kind'"):
        track_result((tmp_path / "runs").as_uri(), {}, tmp_path)
