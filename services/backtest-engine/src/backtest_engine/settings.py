"""What the backtest service is told by its environment."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tidewright.serving.settings import ServingSettings


class BacktestSettings(ServingSettings):
    """Beside what every service is told: which bars, where results go, and how much is done at once."""

    store: str = ""
    """Where the bars are, as file:///data; by default the local store."""
    results: Path = Path("tidewright-results")
    """Folder of the results, one folder a run; it outlives the process, and replicas may share it."""
    database: str = ""
    """Book of all runs, as postgresql://user:password@host:5432/database: finished runs are kept there too, and listed from there; by default the folder alone."""
    tracking: str = ""
    """MLflow server that is told of each run, as http://mlflow:8010; best effort."""
    modules: str = ""
    """Python modules that strategies of `classRef` may come from, separated by commas; by default none, as their code is run in this service."""
    workers: Annotated[int, Field(ge=1, le=256)] = os.cpu_count() or 1
    """Processes that run backtests, one each at a time."""
    jobs: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Backtests and optimizations that wait for a worker; those beyond are refused."""
    time_limit: Annotated[float, Field(gt=0, le=604_800)] = 3_600.0
    """Seconds that one may take; `deadline` of a BacktestRun may be sooner."""
    sync_bars: Annotated[int, Field(ge=0, le=10**12)] = 500_000
    """Bars, over all symbols, up to which a request waits for its result; longer work is answered with 202 and where to ask."""
    max_sets: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Parameter sets that an optimization may try."""
    max_evaluations: Annotated[int, Field(ge=1, le=10**13)] = 2_000_000_000
    """Bars times parameter sets that an optimization may look at."""
    kept: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Ended jobs that are remembered beside what is in the results' folder."""
