"""The report of an account with several symbols in a real browser: the sample on the embedded market."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

import tidewright

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples" / "backtestrun-portfolio.yaml"
PATIENCE = 10_000
"""Milliseconds to wait for what should appear at once."""

pytestmark = [pytest.mark.browser]


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    tidewright.run(SAMPLE).save_report(path)
    return path


def opened(browser: Browser, report: Path, width: int = 1200, scheme: str = "light") -> tuple[Page, list[str]]:
    """The page with all charts drawn, and a growing list of what it complained about or asked of the network."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: None if request.url == report.as_uri() else troubles.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_function("document.querySelectorAll('.chart svg').length === 10", timeout=PATIENCE)
    return page, troubles


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_it_draws_fits_and_is_quiet_at_every_width(browser, report, width, scheme):
    page, troubles = opened(browser, report, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in page.locator(".chart").all():
        assert box.locator("svg").bounding_box()["width"] <= width
        assert box.locator("path").count() > 3
    assert troubles == []
    page.close()


def prices(figure: Locator) -> set[str]:
    """What the price's axis marks."""
    return {text for text in figure.locator("svg text").all_text_contents() if re.fullmatch(r"[\d.]+k", text)}


def test_another_symbols_price_is_drawn_where_it_is_chosen_on_the_same_scale(browser, report):
    page, troubles = opened(browser, report)
    figure = page.locator("figure[data-chart=trades]")
    assert not figure.locator(".chart").get_attribute("aria-label").startswith("Price of ETH/USDT")
    figure.get_by_role("button", name="Logarithmic").click()
    figure.locator("select").select_option("ETH/USDT")
    figure.locator(".chart[aria-label^='Price of ETH/USDT']").wait_for(timeout=PATIENCE)
    assert figure.get_by_role("button", name="Logarithmic").get_attribute("aria-pressed") == "true"
    assert prices(figure) <= {"1k", "2k", "5k", "10k"}
    figure.get_by_role("button", name="Linear").click()
    assert len(prices(figure)) > 3
    assert troubles == []
    page.close()


def test_a_tooltip_names_every_symbol_and_the_open_positions(browser, report):
    page, troubles = opened(browser, report)
    chart = page.locator("figure[data-chart=exposure] .chart")
    chart.scroll_into_view_if_needed()
    chart.hover(position={"x": 500, "y": 150})
    tooltip = chart.locator("table.tip")
    tooltip.wait_for(timeout=PATIENCE)
    told = re.sub(r"\s+", " ", tooltip.inner_text())
    assert re.search(r"BTC/USDT [\d.]+% ETH/USDT [\d.]+% SOL/USDT [\d.]+% Open positions Open positions \d", told)
    assert troubles == []
    page.close()


def test_it_prints_with_the_symbol_that_is_drawn(browser, report):
    page, troubles = opened(browser, report)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("figure[data-chart=trades] select").is_visible()
    assert max(svg.bounding_box()["width"] for svg in page.locator(".chart svg").all()) <= 688
    assert troubles == []
    page.close()
