"""Figures as people read them on a terminal."""

from datetime import timedelta

from tidewright.domain.metrics.table import Unit
from tidewright.domain.timeframe import DAY


def shown(value: float | None, unit: Unit) -> str:
    """A figure in its unit; a dash where it is undefined."""
    if value is None:
        return "–"
    match unit:
        case "percent":
            return f"{value:,.2%}"
        case "money":
            return f"{value:,.2f}"
        case "count":
            return f"{value:,.0f}"
        case "duration":
            return f"{value / DAY:,.1f} d" if value >= DAY else str(timedelta(milliseconds=round(value)))
        case _:
            return f"{value:,.2f}"
