"""What the optimizer is told by its environment."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tidewright.serving.settings import ServingSettings


class OptimizerSettings(ServingSettings):
    """Beside what every service is told: which bars, where trials and results go, and how much is done at once."""

    store: str = ""
    """Where the bars are, as file:///data; by default the local store."""
    studies: str = ""
    """Where trials are kept: postgresql://user:password@host:5432/database, file:///folder, or memory:, which is a folder that is gone with the service; by default beside the results."""
    results: Path = Path("tidewright-results")
    """Folder of what was asked for and of what was found, one folder a study; it outlives the process, and one process at a time works with it."""
    tracking: str = ""
    """MLflow server that is told of each study, as http://mlflow:8010; best effort."""
    modules: str = ""
    """Python modules that strategies and samplers of `classRef` may come from, separated by commas; by default none, as their code runs with this service's rights."""
    dashboard: str = ""
    """URL of optuna-dashboard, which answers link to; `{study}` in it is a study's id."""
    searches: Annotated[int, Field(ge=1, le=256)] = os.cpu_count() or 1
    """Studies that are searched at a time, each in processes of its own."""
    waiting: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Studies that wait for their turn; those beyond are refused."""
    workers: Annotated[int, Field(ge=1, le=256)] = os.cpu_count() or 1
    """Processes that one study may have; its `parallelism` may be less."""
    time_limit: Annotated[float, Field(gt=0, le=31_536_000)] = 86_400.0
    """Seconds that one study may be worked on at a time; its own `timeout` bounds its search, and may be sooner."""
    max_trials: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    """Trials that a study may ask for."""
    kept: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Studies that are kept, ended ones among them; further ones are refused until some are deleted."""
