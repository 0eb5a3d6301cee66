"""The whole report as one HTML file; the one module that imports jinja2."""

import base64
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from tidewright.domain.bars import Floats, Integers
from tidewright.report import charts, comparison, findings, monte_carlo, symbols, tables
from tidewright.report import format as fmt
from tidewright.report.document import Document, initial, part
from tidewright.report.options import POINTS, Columns, Frame, Option, trade_count
from tidewright.report.symbol_charts import DRAWN, OFFERED, offered, on_price_of
from tidewright.report.trade_charts import MARKED_TRADES

_HERE = Path(__file__).parent
_LOG_FROM = 5.0
"""From which ratio of the highest to the lowest value a chart starts out logarithmic."""


def render(document: Document, equity: Columns, trades: Columns) -> str:
    """One HTML page that needs nothing but itself: styles, charts and data are in it, and it loads nothing.

    `document` is the run's ``result.json``; a missing key or a null is a dash. `equity` has one row a bar: `time` (int64 milliseconds, the bar's
    open), `equity`, and where known `holding`, `open`, `high`, `low`, `close`, `benchmark` (the account had it bought and held), `funding` (paid at
    the close) and the strategy's columns as ``column:<name>``, each of shape (n,); of an account with several symbols, instead of all that is one symbol's,
    ``holding:<symbol>``, ``close:<symbol>`` and ``gain:<symbol>`` of each. `trades` has one row a closed trade: `entryTime`, `exitTime`, `direction`, `quantity`,
    `entryPrice`, `exitPrice`, `fees`, `pnl`, `netReturn`, `adverse`, `favourable`, `reason`, `barsHeld`, and `symbol` where there are several; empty where there was none.
    """
    first, last = tables.trade_list(trades)
    of_sources, sources = symbols.sources(document)
    figures = charts.figures_of(equity)
    fans = {way: option for way in monte_carlo.WAYS if (option := monte_carlo.fan(document, way, equity, trades))}
    return _template("report.html.j2").render(
        _drawing(
            _figures(figures, equity, trades, document) | fans,
            {**figures, **monte_carlo.WAYS},
            _scales(equity),
            _choices(equity),
        ),
        document=document,
        part=part,
        fmt=fmt,
        points=POINTS,
        marked=MARKED_TRADES,
        window=charts.WINDOW_DAYS,
        name=str(part(document, "name") or "Backtest"),
        simulated=findings.simulated(document),
        verdict=findings.verdict(document, equity),
        notices=findings.notices(document),
        tiles=tables.headline(document),
        interval=_interval_title(part(document, "intervals", "level")),
        calendar=tables.calendar(equity, initial(document)),
        contributions=symbols.contributions(document),
        of_contributions=symbols.headings(document),
        correlations=symbols.correlations(document, equity),
        correlated=symbols.CORRELATED,
        of_sources=of_sources,
        sources=sources,
        drawn_symbols=DRAWN,
        offered_symbols=OFFERED,
        refusals=tables.refusals(document),
        reasons=tables.exit_reasons(trades),
        costs=tables.costs(document, trades),
        metrics=tables.metrics(document),
        deflated=findings.deflated(document),
        checks=findings.checks(document),
        quality=findings.quality_findings(document),
        paths=part(document, "monteCarlo", "paths"),
        ways=monte_carlo.headings(document),
        spread=monte_carlo.rows(document),
        provenance=findings.provenance(document),
        command=findings.verify_command(document),
        bars=len(equity.get("time", ())),
        trades=trade_count(trades),
        first_trades=first,
        last_trades=last,
        listed=tables.LISTED_TRADES,
        printed=tables.PRINTED_TRADES,
    )


def figure_page(name: str, equity: Columns, trades: Columns, document: Document = charts.NOTHING) -> str:
    """One of `tidewright.report.charts.figures_of` as an HTML page of its own, such as a notebook shows in a frame.

    Arguments as in `render`. Raises ValueError for a name that is no figure's.
    """
    drawn = _figures((name,), equity, trades, document)
    figures = charts.figures_of(equity)
    drawing = _drawing(drawn, figures, _scales(equity), _choices(equity))
    return _template("figure.html.j2").render(drawing, name=name, title=figures[name].title)


def render_comparison(document: Document, moments: Integers, worth: Floats) -> str:
    """Several runs on one HTML page that needs nothing but itself.

    `document` is what ``tidewright compare --json`` prints; `worth` is what each run was worth at each of `moments` (milliseconds), shape
    (runs, moments), in the order of its ``runs``.
    """
    drawn = {"comparison": comparison.chart(document, moments, worth)}
    scales = {
        "comparison": _scale(
            {str(i): row for i, row in enumerate(comparison.rebased(worth))}, *map(str, range(len(worth)))
        )
    }
    return _template("comparison.html.j2").render(
        _drawing(drawn, {"comparison": comparison.FRAME}, scales, {}),
        document=document,
        fmt=fmt,
        simulated=comparison.simulated(document),
        verdict=comparison.verdict(document),
        notices=findings.notices(document),
        leaderboard=comparison.leaderboard(document),
        figures_of_runs=comparison.figures(document),
        ahead=comparison.sharpe_differences(document),
        correlations=comparison.correlations(document),
        differences=comparison.differences(document),
        most=comparison.MOST_DRAWN,
    )


def render_parity(document: Document) -> str:
    """How live signals agree with the batch, on one HTML page; `document` is ``parity.json`` (`tidewright.signals.parity`)."""
    return _template("parity.html.j2").render(_drawing({}, {}, {}, {}), document=document)


def filled(
    template: str,
    drawn: Mapping[str, Option],
    figures: Mapping[str, Frame],
    choices: Mapping[str, Mapping[str, str]],
    **context: Any,  # noqa: ANN401 - what a template shows, each by its name
) -> str:
    """The page of another kind of record: its template with the charts that are `drawn`, by the names that `choices` and `figures` know them by."""
    return _template(template).render(_drawing(drawn, figures, {}, choices), **context)


def _figures(names: Iterable[str], equity: Columns, trades: Columns, document: Document) -> dict[str, Option]:
    """The run's charts that have something to show, and those that a reader may choose instead of one of them."""
    drawn = {name: charts.figure(name, equity, trades, document) for name in names}
    others = _choices(equity).get("trades", {}) if drawn.get("trades") else {}
    drawn |= {key: on_price_of(symbol, equity, trades, document) for key, symbol in others.items() if key not in drawn}
    return {name: option for name, option in drawn.items() if option is not None}


def _choices(equity: Columns) -> dict[str, dict[str, str]]:
    """By chart, the options that it may show, and what they are called; its own among them."""
    names = offered(equity)
    keys = {symbol: f"trades:{symbol}" if index else "trades" for index, symbol in enumerate(names)}
    return {"trades": {keys[symbol]: symbol for symbol in symbols.traded(equity) if symbol in keys}} if names else {}


def _scales(equity: Columns) -> dict[str, str]:
    """Of the charts that may be logarithmic, by the columns that decide whether they start out so."""
    price = next((f"close:{symbol}" for symbol in offered(equity)), "close")
    return {"equity": _scale(equity, "equity", "benchmark"), "trades": _scale(equity, price)}


def _drawing(
    drawn: Mapping[str, Option],
    figures: Mapping[str, charts.Figure | Frame],
    scales: Mapping[str, str],
    choices: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """What a template needs to draw charts: their options, by name and as JSON, and what is known of each of `figures`."""
    return {
        "drawn": drawn,
        "figures": figures,
        "scales": scales,
        "choices": choices,
        "options": _json(drawn),
        "style": _asset("report.css"),
        "scripts": _scripts(),
        "policy": _policy(),
    }


def _interval_title(level: object) -> str:
    return f"{level:.0%} interval" if fmt.defined(level) else "Interval"


def _scale(equity: Columns, *names: str) -> str:
    """``log`` or ``linear`` as a chart starts out, empty where a logarithm is impossible."""
    columns = [equity[name] for name in names if name in equity and len(equity[name])]
    low = min((float(np.nanmin(column)) for column in columns), default=0.0)
    if not low > 0:
        return ""
    return "log" if max(float(np.nanmax(column)) for column in columns) > _LOG_FROM * low else "linear"


def _json(options: Mapping[str, Any]) -> Markup:
    """As JSON that may stand in a script element: no character in it can end the element or start another."""
    text = json.dumps(options, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e"))  # noqa: S704  escaped right here


@functools.cache
def _asset(name: str) -> Markup:
    """A file of this package, which may stand in the page as it is."""
    return Markup((_HERE / "assets" / name).read_text(encoding="utf-8"))  # noqa: S704  our own file, no user's text


def _scripts() -> tuple[Markup, Markup]:
    return _asset("echarts.common.min.js"), _asset("report.js")


@functools.cache
def _policy() -> str:
    """The page's content security policy: nothing is loaded, and no script runs but the two that belong to it."""
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in _scripts())
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)
