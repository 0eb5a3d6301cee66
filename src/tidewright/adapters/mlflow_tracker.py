"""Runs in MLflow: on a server, in a database, or in a folder; the one module that imports mlflow."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from tidewright.ports.tracking import TrackedData, TrackedRun, TrackingFailed

_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds, of each request
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",  # a folder is enough for one machine; MLflow itself would rather have a database
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
for _name, _value in _SETTINGS.items():  # read at every request; who has set one of them otherwise means it
    os.environ.setdefault(_name, _value)

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

DIGEST = "tidewright.digest"
"""The tag that a run is found by."""

_PARENT = "mlflow.parentRunId"
"""The tag that MLflow shows a run below another by."""

_LONGEST_VALUE = 6_000
_LONGEST_TAG = 5_000
_LONGEST_DIGEST = 36
_AT_ONCE = 100
"""What MLflow takes: characters of a parameter, a tag and a data set's digest; parameters, metrics and tags of one request."""

Item = TypeVar("Item")


class MlflowTracker:
    """A `Tracker` at ``http://host:port``, ``sqlite:////path`` or ``file:///path``. Raises TrackingFailed where that cannot be opened."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        with _explained(url):
            self._client = MlflowClient(tracking_uri=url)

    def track(self, run: TrackedRun) -> str:
        with _explained(self._url):
            experiment = self._experiment(run.experiment)
            return self._place(experiment, self._tracked(experiment, run, {}))

    def _tracked(self, experiment: str, run: TrackedRun, tags: dict[str, str]) -> str:
        told = self._told(experiment, run.digest)
        if told is None:
            created = self._client.create_run(experiment, run_name=run.name, tags={DIGEST: run.digest, **tags})
            told = str(created.info.run_id)
        elif self._client.get_run(told).info.status == "FINISHED":
            return told
        self._tell(told, run)
        for child in run.children:
            self._tracked(experiment, child, {_PARENT: told})
        self._client.set_terminated(told, "FINISHED")  # last: one without it is told again
        return told

    def _experiment(self, name: str) -> str:
        for _ in range(2):
            found = self._client.get_experiment_by_name(name)
            if found is not None:
                return str(found.experiment_id)
            try:
                return str(self._client.create_experiment(name, artifact_location=_artifacts(self._url)))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another run has made it meanwhile
                    raise
        raise TrackingFailed(f"{self._url}: the experiment {name} is deleted there; restore it, or delete it for good")

    def _told(self, experiment: str, digest: str) -> str | None:
        """The run of a digest, one that is told wholly before one that is not."""
        found = self._client.search_runs([experiment], f"tags.`{DIGEST}` = '{digest}'", max_results=_AT_ONCE)
        runs = sorted(found, key=lambda run: run.info.status != "FINISHED")
        return str(runs[0].info.run_id) if runs else None

    def _tell(self, told: str, run: TrackedRun) -> None:
        now = int(time.time() * 1_000)
        metrics = [Metric(name, value, now, 0) for name, value in run.metrics.items()]
        parameters = [Param(name, _cut(value, _LONGEST_VALUE)) for name, value in run.parameters.items()]
        tags = [RunTag(f"tidewright.{name}", _cut(value, _LONGEST_TAG)) for name, value in run.tags.items()]
        for some in _batches(parameters):
            self._client.log_batch(told, params=some)
        for some_tags in _batches(tags):
            self._client.log_batch(told, tags=some_tags)
        for some_metrics in _batches(metrics):
            self._client.log_batch(told, metrics=some_metrics)
        if run.data:
            self._client.log_inputs(told, [_dataset(one) for one in run.data])
        for file in run.files:
            self._client.log_artifact(told, str(file))

    def _place(self, experiment: str, run: str) -> str:
        page = f"#/experiments/{experiment}/runs/{run}"
        return f"{self._url}/{page}" if self._url.startswith("http") else f"{self._url}{page}"


def _dataset(data: TrackedData) -> DatasetInput:
    digest = data.digest.partition(":")[2][:_LONGEST_DIGEST]
    profile = json.dumps(dict(data.profile))
    source = json.dumps({"digest": data.digest})
    entity = Dataset(data.name, digest, "tidewright", source, schema=None, profile=profile)
    return DatasetInput(entity, [InputTag("mlflow.data.context", "backtest")])


def _artifacts(url: str) -> str | None:
    """Where files go: a server and a folder know by themselves, a database would put them where the process happens to be."""
    if not url.startswith("sqlite:"):
        return None
    return Path(f"{unquote(urlsplit(url).path).removeprefix('/')}.artifacts").absolute().as_uri()


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


@contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except (MlflowException, OSError) as error:
        raise TrackingFailed(f"{url}: {str(error).splitlines()[0] if str(error) else type(error).__name__}") from error
