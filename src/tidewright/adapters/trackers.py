"""Which tracker a URL names, and a run told to it that is never lost for that."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.results import RECORD
from tidewright.adapters.study_results import KIND, load
from tidewright.ports.tracking import TrackedRun, Tracker, TrackingFailed
from tidewright.runs.study_tracking import tracked_study
from tidewright.runs.tracking import tracked_run

SCHEMES = ("file", "sqlite", "http", "https")

_NOT_INSTALLED = "tracking needs mlflow-skinny; install it with: pip install 'tidewright[tracking]'"


def check_tracking(url: str) -> str:
    """The URL, as it is. Raises UrlRefused for one that names no tracker, or where what speaks to trackers is not installed; imports nothing."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlRefused(
            f"{url!r} is no URL ({error}); write http://HOST:PORT, sqlite:////PATH or file:///PATH"
        ) from None
    local = (
        parts.scheme in {"file", "sqlite"} and not parts.netloc and parts.path.startswith("/") and len(parts.path) > 1
    )
    remote = parts.scheme in {"http", "https"} and parts.hostname and port != 0
    if not local and not remote:
        message = (
            f"{url!r} names no tracker; write http://HOST:PORT of an MLflow server, sqlite:////PATH or file:///PATH"
        )
        raise UrlRefused(message)
    if find_spec("mlflow") is None:
        raise UrlRefused(_NOT_INSTALLED)
    return url


def tracker_at(url: str) -> Tracker:
    """The tracker of a URL: an MLflow server, a database of its, or a folder. Raises UrlRefused and TrackingFailed."""
    check_tracking(url)
    from tidewright.adapters.mlflow_tracker import MlflowTracker  # noqa: PLC0415 - seconds, for those who track alone

    return MlflowTracker(url)


def track_result(url: str, document: dict[str, Any], folder: Path) -> str:
    """Tell the run of a record, and the report and record in its `folder`; where it can be looked at.

    Raises TrackingFailed, whatever goes wrong: the result is there already, and must not be lost for this.
    """
    files = [path for name in (RECORD, "report.html") if (path := folder / name).is_file()]
    try:
        return tracker_at(url).track(_told_of(document, folder, files))
    except TrackingFailed:
        raise
    except Exception as error:  # of a library that speaks to a network, whatever it is
        raise TrackingFailed(f"{type(error).__name__}: {error}".splitlines()[0]) from error


def _told_of(document: dict[str, Any], folder: Path, files: list[Path]) -> TrackedRun:
    """What is told of a result of either kind; the trials of a study are read from its folder."""
    if document["kind"] == KIND:
        return tracked_study(document, load(folder).trials, files)
    return tracked_run(document, files)
