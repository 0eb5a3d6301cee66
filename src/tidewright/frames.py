"""Tables as pandas frames; the one module that imports pandas."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from tidewright.domain.bars import COLUMNS, Bars


def frame(table: Mapping[str, NDArray[Any]], index: str | None = None) -> pd.DataFrame:
    """The table as a frame: columns of milliseconds named for a time become UTC timestamps; `index` names the column to index by."""
    columns = {
        name: pd.to_datetime(values, unit="ms", utc=True) if name == "time" or name.endswith("Time") else values
        for name, values in table.items()
    }
    made = pd.DataFrame(columns)
    return made if index is None else made.set_index(index)


def frame_of_bars(bars: Bars) -> pd.DataFrame:
    """Bars indexed by their open time, UTC."""
    return frame({"time": bars.time, **{name: getattr(bars, name) for name in COLUMNS}}, index="time")
