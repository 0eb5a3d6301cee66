"""What the signal service is told by its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from tidewright.serving.settings import Seconds, ServingSettings


class SignalSettings(ServingSettings):
    """Beside what every service is told: which strategy, on which bars, and where its histories start."""

    strategy: Path
    """File with the TradingStrategy, YAML or JSON."""
    name: str = ""
    """Name of the TradingStrategy; needed where the file has several."""
    strategy_endpoint: str = ""
    """host:port of the StrategyService that has the code of a classRef; by default its module is imported from beside the file."""
    strategy_timeout: Annotated[float, Field(ge=0.1, le=3_600)] = 300.0
    """Seconds that it may take over one question."""
    exchange: str = ""
    """Exchange whose bars are read; by default the one that the strategy is executed on."""
    store: str = ""
    """Where the bars are, as file:///data; by default the local store."""
    archive: str = ""
    """PostgreSQL that data-validation writes to, as postgresql://host/database: its bars are followed live, and `store` is not read."""
    streams: str = ""
    """Redis that tells of new bars, as redis://host:6379, and that signals are published to; without it nothing is published."""
    anchor: Path
    """Folder in which the start of each history is kept; it must outlive the process."""
    start: str = ""
    """Where a history that has no anchor yet starts, as 2024-01-01; by default with the first bar of the store."""
    delay: Seconds = 2.0
    """Seconds after a bar's close before it is looked for."""
    poll: Annotated[float, Field(ge=0.01, le=3_600)] = 1.0
    """Seconds between two looks for a bar that is late."""
    replay_from: str = ""
    """Time, as 2024-01-01, from which stored bars are replayed as if it were now."""
    replay_speed: Annotated[float, Field(gt=0, le=1e9)] = 3_600.0
    """How many times as fast as they happened bars are replayed."""
