"""A report in a real browser that reaches no network: every figure is drawn, and nothing sticks out."""

import pytest
from playwright.sync_api import sync_playwright

FIGURES = ["quality", "layers", "overlap", "distance", "race", "foretelling"]
# The titles that are not wholly within their figure's box, half a pixel aside.
OUTSIDE = """figures => figures.flatMap(figure => {
    const frame = figure.getBoundingClientRect();
    const inside = box => box.left > frame.left - 0.5 && box.right < frame.right + 0.5
        && box.top > frame.top - 0.5 && box.bottom < frame.bottom + 0.5;
    return [...figure.querySelectorAll('.xtitle, .ytitle, .legendtext')]
        .filter(title => !inside(title.getBoundingClientRect()))
        .map(title => `${figure.id}: ${title.textContent}`);
})"""


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[1280, 400], ids=["desk", "phone"])
def opened(request, browser, report_page):
    """The page once all figures are drawn, and what went wrong meanwhile."""
    context = browser.new_context(viewport={"width": request.param, "height": 900}, offline=True)
    page = context.new_page()
    wrong = []
    page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda made: wrong.append(made.url) if made.url != report_page.as_uri() else None)
    page.goto(report_page.as_uri())
    for key in FIGURES:
        page.locator(f"#{key} .main-svg").first.wait_for(state="attached", timeout=30_000)
    yield page, wrong
    context.close()


def test_every_figure_has_marks_on_the_page(opened):
    page, _ = opened
    drawn = page.locator(".js-plotly-plot")
    assert drawn.evaluate_all("figures => figures.map(figure => figure.id)") == FIGURES
    marks = ".scatterlayer .point, .scatterlayer .js-line, .heatmaplayer image"
    for key in FIGURES:
        assert page.locator(f"#{key}").evaluate("figure => figure.data.length") > 0
        assert page.locator(f"#{key}").locator(marks).count() > 0


def test_no_button_sends_a_figure_anywhere(opened):
    page, _ = opened
    buttons = page.locator(".modebar-btn").evaluate_all("buttons => buttons.map(b => b.dataset.title)")
    assert "Reset axes" in buttons
    assert not [title for title in buttons if "Share" in title or "Cloud" in title or "Edit" in title]


def test_nothing_is_asked_for_and_nothing_is_complained_about(opened):
    _, wrong = opened
    assert wrong == []


def test_nothing_sticks_out_to_the_side(opened):
    page, _ = opened
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_titles_are_inside_their_figures(opened):
    page, _ = opened
    assert page.locator(".js-plotly-plot").evaluate_all(OUTSIDE) == []
