"""The parts that the charts are put together from: one look for axes, lines, legends and zoom.

`report.js` draws the finished options. Two kinds of strings are its concern: colours are CSS variables (``var(--strategy)``), so that dark mode
and print need no second chart, and a formatter that begins with ``@`` names one of its functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.bars import Floats, Integers

Option: TypeAlias = dict[str, Any]
Columns: TypeAlias = Mapping[str, NDArray[Any]]

POINTS = 2000
"""How many points a line is thinned to, at most; the lowest and the highest of every stretch stay."""

INK, FAINT, GRID = "var(--ink-2)", "var(--ink-3)", "var(--rule)"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a chart: its title, and how high it is drawn, in CSS pixels."""

    title: str
    height: int


def numbers(values: NDArray[Any], digits: int = 6) -> list[float | None]:
    """As JSON numbers to `digits` significant digits of the largest one; NaN and infinities are null."""
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    size = float(np.abs(values[known]).max()) if known.any() else 0.0
    places = int(np.clip(digits - 1 - np.floor(np.log10(size)), 0, 15)) if size > 0 else 0
    rounded: list[float | None] = np.round(values, places).tolist()
    for index in np.flatnonzero(~known):
        rounded[index] = None
    return rounded


def dataset(time: Integers, columns: Mapping[str, Floats], digits: int) -> Option:
    """The table that an option's lines are drawn from."""
    return {"source": {"time": time.tolist()} | {name: numbers(values, digits) for name, values in columns.items()}}


def trade_count(trades: Columns) -> int:
    """How many trades a table holds; a run that never traded may have no columns at all."""
    return len(trades.get("entryTime", ()))


def column(table: Columns, name: str) -> Floats | None:
    values = table.get(name)
    return None if values is None or len(values) == 0 else np.asarray(values, dtype=np.float64)


def base(description: str, *, legend: bool = True) -> Option:
    option: Option = {
        "animation": False,
        "useUTC": True,
        "textStyle": {"fontFamily": FONT, "color": INK},
        "aria": {"enabled": True, "label": {"description": description}},
        "tooltip": {
            "confine": True,
            "backgroundColor": "var(--paper)",
            "borderColor": GRID,
            "textStyle": {"color": "var(--ink)", "fontSize": 12, "fontFamily": FONT},
            "axisPointer": {"lineStyle": {"color": FAINT, "type": "solid"}},
        },
    }
    if legend:
        option["legend"] = {
            "top": 0, "left": 0, "itemWidth": 16, "itemHeight": 8, "itemGap": 14, "type": "scroll",
            "textStyle": {"color": INK, "fontSize": 12}, "inactiveColor": FAINT, "inactiveBorderColor": FAINT,
            "pageIconColor": INK, "pageIconInactiveColor": FAINT, "pageTextStyle": {"color": INK},
        }  # fmt: skip
    return option


def grid(top: int, height: int) -> Option:
    return {"left": 58, "right": 14, "top": top, "height": height, "outerBoundsMode": "none"}


def axis(kind: str, *, grid: int = 0, formatter: str | None = None, **more: object) -> Option:
    label: Option = {"color": INK, "fontSize": 11, "hideOverlap": True}
    if formatter:
        label["formatter"] = formatter
    return {
        "type": kind,
        "gridIndex": grid,
        "axisLine": {"show": kind == "time", "lineStyle": {"color": FAINT}},
        "axisTick": {"show": False},
        "axisLabel": label,
        "splitLine": {"show": kind != "time", "lineStyle": {"color": GRID}},
        "nameGap": 10,
        "nameTextStyle": {"color": INK, "fontSize": 11, "align": "left", "padding": [0, 0, 0, -40]},
        **more,
    }


def line(name: str, y: str, colour: str, formatter: str, *, panel: int = 0, **more: object) -> Option:
    """A line from the option's dataset over its `time` column."""
    return {
        "type": "line",
        "name": name,
        "encode": {"x": "time", "y": y},
        "xAxisIndex": panel,
        "yAxisIndex": panel,
        "showSymbol": False,
        "symbol": "circle",
        "symbolSize": 5,
        "lineStyle": {"width": 1.4, "color": colour},
        "itemStyle": {"color": colour},
        "emphasis": {"disabled": True},
        "tooltip": {"valueFormatter": formatter},
        **more,
    }


def zoom(panels: int, slider: bool = True) -> list[Option]:
    """Drag to move, pinch or ctrl and wheel to zoom, and a slider; a plain wheel scrolls the page."""
    axes = list(range(panels))
    inside: Option = {
        "type": "inside",
        "xAxisIndex": axes,
        "zoomOnMouseWheel": "ctrl",
        "preventDefaultMouseMove": False,
    }
    if not slider:
        return [inside]
    return [
        inside,
        {
            "type": "slider", "xAxisIndex": axes, "bottom": 6, "height": 22, "left": 58, "right": 14,
            "borderColor": GRID, "fillerColor": "var(--wash)", "backgroundColor": "transparent", "showDetail": False,
            "dataBackground": {"lineStyle": {"color": FAINT, "width": 0.7}, "areaStyle": {"color": "var(--wash)"}},
            "selectedDataBackground": {"lineStyle": {"color": FAINT, "width": 0.7}, "areaStyle": {"color": "var(--wash)"}},
            "handleStyle": {"color": "var(--paper)", "borderColor": FAINT}, "moveHandleStyle": {"color": GRID, "opacity": 1},
            "moveHandleSize": 5, "emphasis": {"moveHandleStyle": {"color": FAINT}, "handleStyle": {"borderColor": INK}},
        },
    ]  # fmt: skip


def over_time(option: Option, panels: int, *, slider: bool = True) -> Option:
    """Ties `panels` time axes, one below the other, together: one tooltip, one pointer, one zoom."""
    option["tooltip"] |= {"trigger": "axis"}
    option["axisPointer"] = {"link": [{"xAxisIndex": "all"}], "label": {"show": False}}
    option["dataZoom"] = zoom(panels, slider)
    option["xAxis"] = [
        axis("time", grid=panel) | ({} if panel == panels - 1 else {"axisLabel": {"show": False}})
        for panel in range(panels)
    ]
    return option
