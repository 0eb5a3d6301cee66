import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tidewright.report.page import figure_page, render

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, scripts, and the visible text."""

    def __init__(self, html: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.content: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        self.content.setdefault(self.open[-1] if self.open else "", []).append(data)

    def text(self, tag: str) -> str:
        return "".join(self.content.get(tag, []))

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


@pytest.fixture
def html(document, equity, trades) -> str:
    return render(document, equity, trades)


def test_the_page_loads_nothing(html):
    for tag, attributes in Page(html).elements:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            target = attributes.get(name)
            assert target is None or target.startswith("#"), (tag, name, target)
    style = Page(html).text("style")
    assert "url(" not in style
    assert "@import" not in style


def test_its_policy_allows_its_own_scripts_and_no_other(html):
    policy = next(
        attributes["content"] for tag, attributes in Page(html).elements if tag == "meta" and "http-equiv" in attributes
    )
    assert policy.startswith("default-src 'none';")
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    allowed = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert re.findall(r"'sha256-([^']+)'", policy) == allowed
    assert len(scripts) == 2


def test_every_chart_has_its_data_and_a_caption(html):
    page = Page(html)
    names = [attributes["data-chart"] for tag, attributes in page.elements if tag == "figure"]
    data = re.search(r'<script type="application/json" id="charts">(.*?)</script>', html, re.DOTALL)
    drawn = ["equity", "rolling", "exposure", "trades", "results", "excursions", "funding"]
    assert names == list(json.loads(data[1])) == drawn
    assert page.count("figcaption") == len(names)


def test_every_table_is_named_and_its_headers_have_a_scope(html):
    elements = Page(html).elements
    ids = {attributes["id"] for _, attributes in elements if "id" in attributes}
    for tag, attributes in elements:
        if tag == "th":
            assert attributes["scope"] in {"row", "col"}
        if tag == "table":
            assert attributes["aria-labelledby"] in ids


def test_links_within_the_page_lead_somewhere(html):
    elements = Page(html).elements
    ids = {attributes["id"] for _, attributes in elements if "id" in attributes}
    assert {attributes["href"][1:] for tag, attributes in elements if tag == "a"} <= ids


def test_hostile_text_stays_text(document, equity, trades):
    clean = Page(render(document, equity, trades))
    document["name"] = HOSTILE
    document["spec"]["strategy"]["parameters"] = {HOSTILE: HOSTILE}
    document["warnings"] = [{"reason": HOSTILE, "message": HOSTILE}]
    document["provenance"]["strategy"] = {"name": HOSTILE, "digest": HOSTILE}
    document["provenance"]["data"] |= {"symbol": HOSTILE, "digest": HOSTILE}
    document["checks"]["dataQuality"]["findings"] = [
        {"rule": HOSTILE, "severity": HOSTILE, "count": 1, "message": HOSTILE}
    ]
    document["artifacts"]["result"] = HOSTILE
    trades["reason"] = np.array([HOSTILE] * 3)
    equity[f"column:{HOSTILE}"] = equity["close"]

    html = render(document, equity, trades)
    page = Page(html)
    assert (page.count("script"), page.count("img")) == (clean.count("script"), 0)
    assert HOSTILE in page.text("h1")
    options = json.loads(re.search(r'id="charts">(.*?)</script>', html, re.DOTALL)[1])
    assert HOSTILE in [line["name"] for line in options["trades"]["series"]]


def test_whatever_is_missing_is_a_dash():
    page = Page(render({}, {"time": np.empty(0, np.int64)}, {}))
    assert "–" in page.text("dd")
    assert page.count("figure") == 0
    assert "None" not in page.text("dd") + page.text("td") + page.text("p")


@pytest.mark.parametrize(
    "part",
    ["spec", "result", "intervals", "benchmark", "deflatedSharpe", "checks", "warnings", "provenance", "artifacts"],
)
@pytest.mark.parametrize("nothing", [None, "absent"])
def test_a_run_without_any_one_part_has_a_page(document, equity, trades, part, nothing):
    if nothing is None:
        document[part] = None
    else:
        del document[part]
    assert "</html>" in render(document, equity, trades)


def test_a_run_without_trades_says_so(document, equity, trades):
    html = render(document, equity, {name: column[:0] for name, column in trades.items()})
    assert html.count("The run closed no trade.") == 2


def test_a_short_history_says_why_rolling_figures_are_missing(document, equity, trades):
    html = render(document, {name: column[: 30 * 24] for name, column in equity.items()}, trades)
    assert "too short for a window of 90 days" in html


def test_simulated_data_is_labelled_on_the_screen_on_paper_and_in_the_title(document, equity, trades):
    document["provenance"]["data"]["simulated"] = True
    page = Page(render(document, equity, trades))
    assert "SIMULATED DATA" in page.text("strong")
    assert '@top-left { content: "SIMULATED DATA' in page.text("style")
    assert "(simulated data)" in page.text("title")


def test_real_data_is_not_called_simulated(html):
    assert "SIMULATED DATA" not in html


def test_thinning_is_said(document, equity, trades, html):
    assert "thinned from 4,800 bars" in html
    short = {name: column[:1_000] for name, column in equity.items()}
    assert "thinned" not in Page(render(document, short, trades)).text("p")


def test_the_same_run_gives_the_same_page(document, equity, trades, html):
    assert render(document, equity, trades) == html


class TestOneFigure:
    def test_is_a_page_of_its_own(self, equity, trades):
        page = Page(figure_page("equity", equity, trades))
        assert (page.count("figure"), page.text("title")) == (1, "Account value and drawdown")
        assert page.count("script") == 3

    def test_says_so_where_there_is_nothing_to_draw(self, equity, trades):
        short = {name: column[: 30 * 24] for name, column in equity.items()}
        page = Page(figure_page("rolling", short, trades))
        assert page.count("figure") == 0
        assert "too little to draw" in page.text("p")


class TestSeveralSymbols:
    @pytest.fixture
    def html(self, portfolio) -> str:
        return render(*portfolio)

    def test_every_chart_has_its_data_and_a_price_for_every_symbol(self, html):
        page = Page(html)
        names = [attributes["data-chart"] for tag, attributes in page.elements if tag == "figure"]
        data = json.loads(re.search(r'id="charts">(.*?)</script>', html, re.DOTALL)[1])
        assert names == ["equity", "contribution", "rolling", "exposure", "trades", "results", "excursions"]
        choices = [attributes["value"] for tag, attributes in page.elements if tag == "option"]
        assert sorted(data) == sorted({*names, *choices})
        assert page.text("option") == "BTC/USDTETH/USDTSOL/USDT"
        (chosen,) = (
            attributes["value"] for tag, attributes in page.elements if tag == "option" and "selected" in attributes
        )
        assert chosen == "trades"

    def test_tables_are_as_wide_as_their_headings(self, html):
        for table in re.findall(r'<table class="data.*?</table>', html, re.DOTALL):
            head, _, body = table.partition("</thead>")
            rows = [row for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL) if "colspan" not in row]
            assert {len(re.findall(r"<t[hd]", row)) for row in rows} == {head.count("<th ")}, head

    def test_each_trade_and_each_finding_has_its_symbol(self, portfolio):
        document, equity, trades = portfolio
        document["checks"]["dataQuality"]["findings"][0]["symbol"] = "DOGE/USDT"
        html = render(document, equity, trades)
        assert '<th scope="row">2</th><td class="words">ETH/USDT</td>' in html
        assert '<th scope="row">DOGE/USDT</th>' in html

    def test_hostile_symbols_stay_text(self, portfolio):
        document, equity, trades = portfolio
        table = {name.replace("ETH/USDT", HOSTILE): column for name, column in equity.items()}
        document["symbols"][1]["symbol"] = HOSTILE
        data = document["provenance"]["data"]
        data["symbols"] = {name.replace("ETH/USDT", HOSTILE): one for name, one in data["symbols"].items()}
        trades["symbol"] = np.array(["BTC/USDT", HOSTILE, HOSTILE])
        page = Page(render(document, table, trades))
        assert (page.count("script"), page.count("img")) == (3, 0)
        assert HOSTILE in page.text("option")

    @pytest.mark.parametrize("part", ["spec", "result", "symbols", "correlation", "refused", "checks", "provenance"])
    def test_a_run_without_any_one_part_has_a_page(self, portfolio, part):
        document, equity, trades = portfolio
        del document[part]
        assert "</html>" in render(document, equity, trades)

    def test_a_figure_by_itself_offers_every_symbol(self, portfolio):
        document, equity, trades = portfolio
        page = Page(figure_page("trades", equity, trades, document))
        assert (page.count("figure"), page.count("option")) == (1, 3)


def test_orders_that_were_not_filled_are_listed_with_their_reason(document, equity, trades):
    assert "Orders that were not filled" not in render(document, equity, trades)
    document["refused"] = {"NoCash": 7}
    html = render(document, equity, trades)
    assert '<th scope="row">No cash</th><td>7</td><td class="words wrapped">The free cash' in html
