"""A notebook in a browser, live: in JupyterLab or on the dashboard."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page

# A loaded computer is slow, and no reason to fail.
PATIENCE_SECONDS = 300
KERNEL_READY = "Python 3 (ipykernel) | Idle"


class Visit:
    """A page with a notebook whose cells have been run.

    Args:
        page: new.
        server: "lab" or "dashboard".
        url: of the server.
        notebook: its name.
        pictures: the beginning of the paths of screenshots.

    Attributes:
        errors: what went wrong in the page's scripts.
    """

    def __init__(self, page: Page, server: str, url: str, notebook: str, pictures: Path):
        self.page, self._server, self._url, self._notebook = page, server, url, notebook
        self._pictures, self.errors = pictures, []
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: (self.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def open(self) -> None:
        """Opens the notebook and runs it from top to bottom."""
        if self._server == "dashboard":
            self.page.goto(f"{self._url}/voila/render/{self._notebook}.ipynb")
            return
        self.page.goto(f"{self._url}/lab/tree/{self._notebook}.ipynb?reset")
        self.page.locator(".jp-Notebook").wait_for()
        self.page.locator("#jp-main-statusbar").get_by_text(KERNEL_READY).wait_for()
        self.page.keyboard.press("Control+b")  # hides the list of files
        self._menu("Run", "Run All Cells")

    def restart(self, panel: str) -> None:
        """Runs the notebook again in a new kernel, and waits until a panel of the old one is gone."""
        if self._server == "dashboard":
            self.page.reload()
            return
        self.part(panel).evaluate("panel => panel.classList.add('before')")
        self._menu("Kernel", "Restart Kernel and Run All Cells…")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.locator(".before").wait_for(state="detached")

    def part(self, name: str) -> Locator:
        """A part of a panel, by the end of its class."""
        return self.page.locator(f".workbench-{name}")

    def press(self, slider: str, key: str) -> None:
        """Presses a key on the handle of a slider."""
        self.part(slider).locator(".noUi-handle").focus()
        self.page.keyboard.press(key)

    def traces(self, panel: str, number: int = 0) -> list[dict[str, Any]]:
        """What a panel's figure draws, in lists and arrays of numbers; nothing where it is not drawn yet."""
        figures = self.part(panel).locator(".js-plotly-plot")
        if figures.count() <= number:
            return []
        return [plain(trace) for trace in figures.nth(number).evaluate("figure => figure.data ?? []")]

    def drawn(self, panel: str) -> int:
        """How many figures of a panel are in sight; a flat one is not."""
        return self.part(panel).locator(".js-plotly-plot:visible .main-svg:first-child").count()

    def until(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Waits for something to hold."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                self.picture("late")
                raise AssertionError(f"after {seconds} s: {what}")
            self.page.wait_for_timeout(100)

    def picture(self, name: str, panel: str = "") -> None:
        """Keeps a screenshot, of a panel where one is named."""
        path = f"{self._pictures}-{name}.png"
        if panel:
            self.part(panel).scroll_into_view_if_needed()
            self.page.wait_for_timeout(300)
        (self.part(panel) if panel else self.page).screenshot(path=path)

    def _menu(self, menu: str, item: str) -> None:
        self.page.locator(".lm-MenuBar-itemLabel").get_by_text(menu, exact=True).click()
        self.page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()


def plain(value: Any) -> Any:
    """A trace whose arrays, which plotly sends as bytes, are arrays."""
    if isinstance(value, dict) and "bdata" in value:
        array = np.frombuffer(base64.b64decode(value["bdata"]), np.dtype(value["dtype"]))
        shape = [int(length) for length in str(value.get("shape", array.size)).split(",")]
        return array.reshape(shape)
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return value
