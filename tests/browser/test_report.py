"""The report in a real browser, on seven years of real hourly bars."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tidewright.report.page import render

PATIENCE = 10_000
"""Milliseconds to wait for what should appear at once."""

pytestmark = [pytest.mark.browser, pytest.mark.shared]


@pytest.fixture(scope="module")
def report(seven_years, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(*seven_years), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def simulated_report(simulated_years, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "simulated.html"
    path.write_text(render(*simulated_years), encoding="utf-8")
    return path


def opened(browser: Browser, report: Path, width: int = 1200, scheme: str = "light") -> tuple[Page, list[str]]:
    """The page with all charts drawn, and a growing list of what it complained about or asked of the network."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: None if request.url == report.as_uri() else troubles.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_function("document.querySelectorAll('.chart svg').length === 6", timeout=PATIENCE)
    return page, troubles


def test_seven_years_of_hours_stay_under_1_6_megabytes(report):
    assert report.stat().st_size < 1_600_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 820, 1440])
def test_it_draws_fits_and_is_quiet_at_every_width(browser, report, width, scheme):
    page, troubles = opened(browser, report, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in page.locator(".chart").all():
        drawn = box.locator("svg").bounding_box()
        assert drawn["width"] <= width
        assert box.locator("path").count() > 3
    assert troubles == []
    page.close()


def test_charts_follow_the_window(browser, report):
    page, _ = opened(browser, report, 1440)
    page.set_viewport_size({"width": 600, "height": 900})
    page.wait_for_function("document.querySelector('.chart svg').getBoundingClientRect().width < 600", timeout=PATIENCE)
    page.close()


def test_the_scale_switches_between_linear_and_logarithmic(browser, report):
    page, troubles = opened(browser, report)
    figure = page.locator("figure[data-chart=equity]")
    logarithmic, linear = (figure.get_by_role("button", name=name) for name in ("Logarithmic", "Linear"))
    assert logarithmic.get_attribute("aria-pressed") == "true"
    assert {"10k", "20k", "50k", "100k"} <= set(figure.locator("svg text").all_text_contents())
    linear.click()
    assert linear.get_attribute("aria-pressed") == "true"
    page.wait_for_function(
        "[...document.querySelectorAll('figure[data-chart=equity] svg text')].some((t) => t.textContent === '120k')",
        timeout=PATIENCE,
    )
    assert troubles == []
    page.close()


def test_a_tooltip_names_the_values_of_both_panels(browser, report):
    page, troubles = opened(browser, report)
    chart = page.locator("figure[data-chart=equity] .chart")
    chart.hover(position={"x": 500, "y": 150})
    tooltip = chart.locator("table.tip")
    tooltip.wait_for(timeout=PATIENCE)
    assert re.search(r"Account value\s+Strategy\s+[\d,.]+\s+Buy and hold\s+[\d,.]+\s+Drawdown", tooltip.inner_text())
    assert troubles == []
    page.close()


def test_a_screen_reader_gets_every_chart_in_words(browser, report):
    page, _ = opened(browser, report)
    for box in page.locator(".chart").all():
        assert box.get_attribute("aria-label").endswith(".")
    page.close()


def test_hostile_names_do_nothing_in_a_browser(browser, seven_years, tmp_path):
    document, equity, trades = seven_years
    hostile = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    spoilt = {name: column for name, column in equity.items() if not name.startswith("column:")} | {
        f"column:{hostile}": equity["close"]
    }
    path = tmp_path / "hostile.html"
    path.write_text(render(document | {"name": hostile}, spoilt, trades), encoding="utf-8")
    page, troubles = opened(browser, path)
    page.locator("figure[data-chart=trades] .chart").hover(position={"x": 500, "y": 150})
    page.locator("figure[data-chart=trades] table.tip").wait_for(timeout=PATIENCE)
    assert page.locator("h1").inner_text() == hostile
    assert page.locator("img").count() == 0
    assert troubles == []
    page.close()


def test_it_prints_on_paper_with_charts_that_fit(browser, simulated_report, tmp_path):
    page, troubles = opened(browser, simulated_report, 1440, "dark")
    printed = tmp_path / "report.pdf"
    page.pdf(path=str(printed), prefer_css_page_size=True)
    assert printed.read_bytes().startswith(b"%PDF-")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert max(svg.bounding_box()["width"] for svg in page.locator(".chart svg").all()) <= 688
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".chart svg").first.bounding_box()["width"] > 688
    page.emulate_media(media="print")
    assert page.get_by_text("SIMULATED DATA", exact=True).is_visible()
    assert troubles == []
    page.close()
