"""Grafana's dashboards as JSON, from the short form in `dashboards.yaml`."""

import json
from pathlib import Path
from typing import Any

import yaml

SOURCE = Path(__file__).with_suffix(".yaml")
WIDTH = 24
"""Columns of Grafana's grid."""

HEIGHTS = {"stat": 4, "timeseries": 8}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

Part = dict[str, Any]


def dashboards() -> dict[str, str]:
    """JSON by name."""
    described = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return {one["name"]: json.dumps(_dashboard(one), indent=1, ensure_ascii=False) + "\n" for one in described}


def _dashboard(one: Part) -> Part:
    panels: list[Part] = []
    top = 0
    for row in one["rows"]:
        width, height = WIDTH // len(row), HEIGHTS[row[0].get("kind", "timeseries")]
        for number, panel in enumerate(row):
            place = {"x": number * width, "y": top, "w": width, "h": height}
            panels.append({"id": len(panels) + 1, "gridPos": place, **_panel(panel)})
        top += height
    return {
        "uid": f"tidewright-{one['name']}",
        "title": one["title"],
        "description": one["about"],
        "tags": ["tidewright"],
        "schemaVersion": 39,
        "editable": True,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source(), _namespace(one["variable"])]},
        "panels": panels,
    }


def _panel(panel: Part) -> Part:
    kind = panel.get("kind", "timeseries")
    targets = [
        {"refId": chr(ord("A") + number), "datasource": DATASOURCE, "expr": query["expr"], "legendFormat": query.get("legend", ""), "instant": kind == "stat", "range": kind != "stat"}
        for number, query in enumerate(panel["queries"])
    ]  # fmt: skip
    defaults = {"unit": panel.get("unit", "short"), "min": 0} if kind == "timeseries" else {"unit": panel.get("unit", "short")}  # fmt: skip
    return {
        "title": panel["title"],
        "type": kind,
        "datasource": DATASOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }


def _source() -> Part:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}}


def _namespace(series: str) -> Part:
    query = f"label_values({series}, namespace)"
    everything = {"text": "All", "value": "$__all"}
    return {
        "name": "namespace", "label": "Namespace", "type": "query", "datasource": DATASOURCE, "query": query, "definition": query,
        "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".+", "current": everything,
    }  # fmt: skip
