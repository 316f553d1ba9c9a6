"""A report in a real browser that reaches no network: every figure is drawn, and nothing sticks out."""

import pytest

from tests.browser.pages import figures, opened, titles_outside

FIGURES = ["quality", "layers", "overlap", "distance", "race", "prediction", "speed"]


@pytest.fixture(params=[1280, 400], ids=["desk", "phone"])
def page_and_wrong(request, browser, report_page):
    """The page, and what goes wrong on it."""
    with opened(browser, report_page, request.param) as result:
        yield result


def test_every_figure_has_marks_on_the_page(page_and_wrong):
    page, _ = page_and_wrong
    assert figures(page) == FIGURES


def test_no_button_sends_a_figure_anywhere(page_and_wrong):
    page, _ = page_and_wrong
    buttons = page.locator(".modebar-btn").evaluate_all("buttons => buttons.map(b => b.dataset.title)")
    assert "Reset axes" in buttons
    assert not [title for title in buttons if "Share" in title or "Cloud" in title or "Edit" in title]


def test_nothing_is_asked_for_and_nothing_is_complained_about(page_and_wrong):
    _, wrong = page_and_wrong
    assert wrong == []


def test_nothing_sticks_out_to_the_side(page_and_wrong):
    page, _ = page_and_wrong
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_titles_are_inside_their_figures(page_and_wrong):
    page, _ = page_and_wrong
    assert titles_outside(page) == []
