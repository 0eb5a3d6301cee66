"""The fans of a run's other histories, and the page of a comparison, in a real browser."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page

import tidewright
from tidewright.cli.compare import compare

PATIENCE = 10_000
"""Milliseconds to wait for what should appear at once."""

FANS = ("dailyReturns", "tradesDrawn", "tradesShuffled")

pytestmark = pytest.mark.browser


def backtest(name: str, fast: int, slow: int) -> dict:
    strategy = {
        "source": {"builtin": "MovingAverageCross"},
        "parameters": {"fast": fast, "slow": slow},
        "symbols": ["BTC/USDT"],
        "timeframe": "1h",
    }
    spec = {"strategy": strategy, "data": {"exchange": "simulated"}, "checks": {"lookAhead": False, "monteCarlo": 200}}
    return {"apiVersion": "tidewright.io/v1alpha1", "kind": "BacktestRun", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> tuple[Path, Path]:
    """A run's report with Monte Carlo, and the page that compares three runs."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIDEWRIGHT_DATA", str(folder / "data"))
        for name, *windows in (("quick", 12, 48), ("usual", 24, 96), ("slow", 48, 200)):
            tidewright.run(backtest(name, *windows)).save(folder / name, report=name == "usual")
    compared = folder / "compare.html"
    ended = CliRunner().invoke(
        compare, [*(str(folder / name) for name in ("quick", "usual", "slow")), "-o", str(compared)]
    )
    assert ended.exit_code == 0, ended.output
    return folder / "usual" / "report.html", compared


def opened(browser: Browser, path: Path, width: int = 1200, scheme: str = "light") -> tuple[Page, list[str]]:
    """The page with all charts drawn, and a growing list of what it complained about or asked of the network."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: None if request.url == path.as_uri() else troubles.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_function(
        "[...document.querySelectorAll('.chart')].every((box) => box.querySelector('svg'))", timeout=PATIENCE
    )
    return page, troubles


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 820, 1440])
@pytest.mark.parametrize("which", [0, 1], ids=["report", "comparison"])
def test_they_fit_and_are_quiet_at_every_width(browser, pages, which, width, scheme):
    page, troubles = opened(browser, pages[which], width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in page.locator(".chart").all():
        assert box.locator("svg").bounding_box()["width"] <= width
    assert troubles == []
    page.close()


def test_every_fan_has_its_areas_and_its_lines(browser, pages):
    page, _ = opened(browser, pages[0])
    for name in FANS:
        areas = page.locator(
            f"figure[data-chart={name}] svg path[fill-opacity='0.18'], figure[data-chart={name}] svg path[fill-opacity='0.38']"
        )
        assert areas.count() == 4
    page.close()


@pytest.mark.parametrize(
    ("name", "heading"), [("dailyReturns", r"20\d\d-\d\d-\d\d 00:00"), ("tradesShuffled", r"Trades: \d+")]
)
def test_a_tooltip_of_a_fan_tells_the_quantiles_and_the_run(browser, pages, name, heading):
    page, troubles = opened(browser, pages[0])
    chart = page.locator(f"figure[data-chart={name}] .chart")
    chart.hover(position={"x": 300, "y": 120})
    chart.locator("table.tip").wait_for(timeout=PATIENCE)
    told = chart.locator("table.tip").locator("..").inner_text()
    assert re.search(
        rf"{heading}\s+5% of the paths lie above\s+[\d,.]+\s+25% .*\s+Half .*\s+75% .*\s+95% .*\s+This run\s+[\d,.]+",
        told,
    )
    assert "area" not in told
    assert troubles == []
    page.close()


def test_runs_can_be_taken_out_of_the_comparison(browser, pages):
    page, troubles = opened(browser, pages[1])
    chart = page.locator("figure[data-chart=comparison] .chart")
    before = chart.locator("svg path").count()
    chart.locator("svg text", has_text="quick").click()
    page.wait_for_function(f"document.querySelectorAll('.chart svg path').length < {before}", timeout=PATIENCE)
    assert troubles == []
    page.close()


def test_the_comparison_names_every_run_in_both_panels(browser, pages):
    page, _ = opened(browser, pages[1])
    chart = page.locator("figure[data-chart=comparison] .chart")
    chart.hover(position={"x": 500, "y": 150})
    chart.locator("table.tip").wait_for(timeout=PATIENCE)
    words = r"Equity, from 100(\s+(quick|usual|slow)\s+[\d,.]+){3}\s+Drawdown(\s+(quick|usual|slow)\s+[−\d.%]+){3}"
    assert re.search(words, chart.locator("table.tip").inner_text())
    page.close()


def test_both_print_on_paper_with_charts_that_fit(browser, pages, tmp_path):
    for path in pages:
        page, troubles = opened(browser, path, 1440)
        page.pdf(path=str(tmp_path / "printed.pdf"), prefer_css_page_size=True)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert max(svg.bounding_box()["width"] for svg in page.locator(".chart svg").all()) <= 688
        assert troubles == []
        page.close()
