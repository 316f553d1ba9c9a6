"""A finished page in a browser without a network, and what is visible on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

MARKS = ".scatterlayer .point, .scatterlayer .js-line, .barlayer .point, .heatmaplayer image"
# The titles that are not entirely within their figure's box, with half a pixel of tolerance.
_OUTSIDE = """figures => figures.flatMap(figure => {
    const frame = figure.getBoundingClientRect();
    const inside = box => box.left > frame.left - 0.5 && box.right < frame.right + 0.5
        && box.top > frame.top - 0.5 && box.bottom < frame.bottom + 0.5;
    return [...figure.querySelectorAll('.xtitle, .ytitle, .legendtext')]
        .filter(title => !inside(title.getBoundingClientRect()))
        .map(title => `${figure.id}: ${title.textContent}`);
})"""


@contextmanager
def opened(browser: Browser, path: Path, width: int = 1280) -> Iterator[tuple[Page, list[str]]]:
    """A page once all of its figures are drawn, and the list of its problems, which grows as they occur."""
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    page, wrong = context.new_page(), []
    page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda made: wrong.append(made.url) if made.url != path.as_uri() else None)
    page.goto(path.as_uri())
    page.locator(".plotly-graph-div:not(:has(.main-svg))").first.wait_for(state="detached", timeout=60_000)
    yield page, wrong
    context.close()


def figures(page: Page) -> list[str]:
    """The ids of the figures that are drawn, with data and marks."""
    drawn = page.locator(".js-plotly-plot")
    keys = drawn.evaluate_all("figures => figures.filter(f => f.data.length > 0).map(f => f.id)")
    return [key for key in keys if page.locator(f"#{key}").locator(MARKS).count()]


def titles_outside(page: Page) -> list[str]:
    """Titles and legend entries that extend beyond their figures."""
    return page.locator(".js-plotly-plot").evaluate_all(_OUTSIDE)
