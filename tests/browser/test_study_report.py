"""A study's page in a real browser."""

import re
from pathlib import Path

import pytest
from made_up_studies import nothing_found, study
from playwright.sync_api import Browser, Page

from tidewright.report.study_page import render_study

PATIENCE = 10_000
"""Milliseconds to wait for what should appear at once."""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """The pages of a study of three objectives, of one that found nothing, and of one with very many trials."""
    folder = tmp_path_factory.mktemp("studies")
    made = {
        "whole": study(200, 6, objectives=("sharpe", "maxDrawdown", "totalReturn")),
        "nothing": nothing_found(),
        "large": study(10_000, 6),
    }
    for name, one in made.items():
        (folder / f"{name}.html").write_text(render_study(one.record, one.trials, one.equity), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


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
@pytest.mark.parametrize("which", ["whole", "nothing"])
def test_it_fits_and_is_quiet_at_every_width(browser, pages, which, width, scheme):
    page, troubles = opened(browser, pages[which], width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in page.locator(".chart").all():
        assert box.locator("svg").bounding_box()["width"] <= width
        assert box.locator("path").count() > 3
    assert troubles == []
    page.close()


def test_ten_thousand_trials_are_drawn_in_time(browser, pages):
    page, troubles = opened(browser, pages["large"])
    assert 1_000 < page.locator("figure[data-chart=history] svg path").count() < 2_200
    assert troubles == []
    page.close()


def test_a_tooltip_of_a_trial_tells_its_number_its_figures_and_its_values(browser, pages):
    page, troubles = opened(browser, pages["whole"])
    chart = page.locator("figure[data-chart=front] .chart")
    chart.scroll_into_view_if_needed()
    path = chart.locator("svg path[fill='var(--loss)']").last  # the selected trial
    box = path.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    chart.locator("table.tip").wait_for(timeout=PATIENCE)
    told = chart.locator("table.tip").locator("..").inner_text()
    assert re.search(
        r"Trial \d+\s+Sharpe ratio\s+[\d.]+\s+Maximum drawdown\s+[\d.]+%\s+fast\s+\d+\s+slow\s+\d+\s+threshold\s+[\d.]+\s+average\s+[SEW]MA",
        told,
    )
    assert troubles == []
    page.close()


def test_choices_are_named_along_their_axis(browser, pages):
    page, _ = opened(browser, pages["whole"])
    words = page.locator("figure[data-chart='slice:average'] svg text").all_text_contents()
    assert {"SMA", "EMA", "WMA"} <= set(words)
    page.close()


@pytest.mark.parametrize(("chart", "other"), [("windows", "windows:maxDrawdown"), ("front", "front:2")])
def test_a_reader_chooses_what_a_chart_shows(browser, pages, chart, other):
    page, troubles = opened(browser, pages["whole"])
    figure = page.locator(f"figure[data-chart={chart}]")
    before = figure.locator("svg").inner_html()
    figure.locator("select").select_option(other)
    page.wait_for_function(
        "([chart, before]) => document.querySelector(`figure[data-chart=${chart}] svg`).innerHTML !== before",
        arg=[chart, before],
        timeout=PATIENCE,
    )
    assert troubles == []
    page.close()


def test_a_tooltip_of_a_window_has_both_sides(browser, pages):
    page, _ = opened(browser, pages["whole"])
    chart = page.locator("figure[data-chart=windows] .chart")
    chart.hover(position={"x": 400, "y": 120})
    chart.locator("table.tip").wait_for(timeout=PATIENCE)
    told = chart.locator("table.tip").locator("..").inner_text()
    assert re.search(r"Window: \d\s+In sample\s+[−\d.]+\s+Out of sample\s+[−\d.]+", told)
    page.close()


def test_a_screen_reader_gets_every_chart_in_words(browser, pages):
    page, _ = opened(browser, pages["whole"])
    for box in page.locator(".chart").all():
        assert box.get_attribute("aria-label").endswith(".")
    page.close()


def test_it_prints_on_paper_with_charts_that_fit(browser, pages, tmp_path):
    page, troubles = opened(browser, pages["whole"], 1440)
    page.pdf(path=str(tmp_path / "printed.pdf"), prefer_css_page_size=True)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert max(svg.bounding_box()["width"] for svg in page.locator(".chart svg").all()) <= 688
    assert troubles == []
    page.close()
