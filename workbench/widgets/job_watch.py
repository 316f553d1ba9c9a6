"""Starting, stopping and watching a run in the background."""

import os
import re
from collections.abc import Callable
from html import escape
from pathlib import Path

import ipywidgets as widgets
from IPython.display import display

from workbench import analysis, figures
from workbench.errors import BadInput, WorkbenchError
from workbench.runs import Follower, RunSpec
from workbench.sweeps import Job, start
from workbench.widgets.background import Ticker
from workbench.widgets.live_figure import LiveFigure
from workbench.widgets.notice import Notice

_STATES = {
    "not started": ("#56606A", "not started"),
    "running": ("#0072B2", "running"),
    "stopped": ("#8F5902", "stopped"),
    "failed": ("#B34700", "failed"),
    "done": ("#00724F", "done"),
}


class JobWatch(widgets.VBox):
    """Start, Stop and Resume buttons for a run, its progress, and its curves.

    The run has its own process. This panel only reads the run folder, once a second, so it can be closed and
    opened again at any time, in any kernel.

    Args:
        spec: the run.
        store: folder of run folders.

    Attributes:
        spec: the run that is shown.
        follower: reads its folder.
    """

    def __init__(self, spec: RunSpec, store: str | Path = "runs"):
        self._store = Path(store).resolve()
        self._listeners: list[Callable[[], None]] = []
        self._ticker = Ticker(self.refresh)
        self._title = widgets.HTML()
        self.bar = widgets.IntProgress(
            description="Progress", max=1, layout=widgets.Layout(width="60%"), style={"bar_color": "#0072B2"}
        )
        self.place = widgets.HTML()
        self.start_button = widgets.Button(description="Start", icon="play", button_style="primary")
        self.stop_button = widgets.Button(description="Stop", icon="stop")
        self.start_button.tooltip = "Starts or resumes the run in its own process"
        self.stop_button.tooltip = "Stops the run; it can be resumed and gives the same result"
        self.start_button.on_click(lambda _: self._press(lambda: start(self.spec, self._store)))
        self.stop_button.on_click(lambda _: self._press(lambda: self.job.stop()))
        progress = widgets.HBox([self.bar, self.place])
        self.notice = Notice()
        self._curves = widgets.VBox()
        super().__init__(
            [
                self._title,
                widgets.HBox([self.start_button, self.stop_button]),
                progress,
                self.notice,
                self._curves,
            ]
        )
        for part, name in [(self, "watch"), (self.start_button, "start"), (self.stop_button, "stop")]:
            part.add_class(f"workbench-{name}")
        progress.add_class("workbench-progress")
        self.look_at(spec)

    @property
    def job(self) -> Job:
        """The process of the run."""
        return Job(self._store / self.spec.name)

    def look_at(self, spec: RunSpec) -> None:
        """Shows another run; the previous one is not affected."""
        self.spec, self._refusal = spec, ""
        self.follower = Follower(self._store / spec.name)
        self._drawn: int | None = None
        self._curves.children = ()
        self.refresh()
        self._ticker.start()

    def listen(self, function: Callable[[], None]) -> None:
        """Calls a function now, and after each refresh."""
        self._listeners.append(function)
        function()

    def refresh(self) -> bool:
        """Reads the run folder again; returns whether the run is in progress."""
        state = "failed"
        with self.notice.catching():
            state = self.job.state
            self._show_state(state)
            self._show_progress(state)
            for function in self._listeners:
                function()
            # The shell has a command for this, and this panel a button.
            reason = re.sub(r"run the same command to (resume|go on)", "press Resume", self.job.reason)
            self.notice.say(self._refusal or reason)
        return state == "running"

    def show(self, key: str) -> None:
        """Displays the panel; in a report, executes the run and displays its curves as a figure.

        Args:
            key: of the figure, unique in the notebook.

        Raises:
            BadInput: in a report, the run failed.
        """
        if not os.environ.get(figures.REPORT_MODE):
            display(self)
            return
        self.finish()
        figures.show(self._figure(), key)

    def finish(self) -> None:
        """Carries out the run in the background and waits for it.

        Raises:
            BadInput: it ended without being complete.
        """
        job = start(self.spec, self._store)
        if job.wait() != "done":
            raise BadInput(job.reason)
        self.refresh()

    def _press(self, act: Callable[[], object]) -> None:
        self._refusal = ""
        try:
            act()
        except WorkbenchError as error:
            self._refusal = str(error)
        self.refresh()
        self._ticker.start()

    def _show_state(self, state: str) -> None:
        colour, word = _STATES[state]
        self._title.value = (
            f"<b>{escape(self.spec.name)}</b> "
            f'<span class="workbench-state" style="color:white;background:{colour};border-radius:4px;'
            f'padding:1px 8px">{word}</span>'
        )
        self.start_button.description = "Resume" if state in ("stopped", "failed") else "Start"
        self.start_button.disabled = state in ("running", "done")
        self.stop_button.disabled = state != "running"

    def _show_progress(self, state: str) -> None:
        progress = self.follower.progress()
        total = progress.done if state == "done" else progress.total
        self.bar.max, self.bar.value = max(1, total or 0), progress.done if total else 0
        steps = f"{progress.done:,} of {total:,}" if total else f"{progress.done:,}"
        where = f", {escape(progress.stage)}" if state == "running" and progress.stage else ""
        preparing = state == "running" and not progress.done
        self.place.value = "loading model and data" if preparing else f"{steps} optimizer steps{where}"
        if progress.done and self._drawn != progress.done:
            self._draw()
            self._drawn = progress.done

    def _draw(self) -> None:
        if self._curves.children:
            self._curves.children[0].show(self._figure())
        else:
            self._curves.children = (LiveFigure(self._figure()),)

    def _figure(self):
        curves = analysis.progress.progress_curves(self.follower.dense_events(), self.follower.events())
        return figures.progress.progress_curves(curves)
