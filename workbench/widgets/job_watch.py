"""A run in the background, watched."""

import os
from collections.abc import Callable
from html import escape
from pathlib import Path

import ipywidgets as widgets
from IPython.display import display

from workbench import analysis, figures
from workbench.errors import BadInput, WorkbenchError
from workbench.runs import Follower, RunSpec
from workbench.sweeps import Job, start
from workbench.widgets.live_figure import LiveFigure
from workbench.widgets.notice import Notice
from workbench.widgets.ticking import Ticker

_STATES = {
    "not started": ("#56606A", "not started"),
    "running": ("#0072B2", "running"),
    "stopped": ("#8F5902", "stopped"),
    "failed": ("#B34700", "failed"),
    "done": ("#00724F", "done"),
}


class JobWatch(widgets.VBox):
    """Start, Stop and Resume of a run, how far it is, and its curves.

    The run has a process of its own. This panel only reads the run folder, once a second, so it may be closed
    and made again at any time, in any kernel, and finds the run where it is.

    Args:
        spec: the run.
        store: folder of run folders.

    Attributes:
        spec: the run that is looked at.
        follower: what is read of its folder.
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
        self.start_button.tooltip = "Starts the run, or what is left of it, in a process of its own"
        self.stop_button.tooltip = "Asks the run to stop; it can be resumed and ends with the same result"
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
        """The run as a process."""
        return Job(self._store / self.spec.name)

    def look_at(self, spec: RunSpec) -> None:
        """Turns to another run; the one before is left as it is."""
        self.spec, self._refusal = spec, ""
        self.follower = Follower(self._store / spec.name)
        self._drawn: int | None = None
        self._curves.children = ()
        self.refresh()
        self._ticker.start()

    def listen(self, function: Callable[[], None]) -> None:
        """Has a function called now, and whenever the run has been looked at."""
        self._listeners.append(function)
        function()

    def refresh(self) -> bool:
        """Looks at the run folder; returns whether the run is under way."""
        state = "failed"
        with self.notice.catching():
            state = self.job.state
            self._show_state(state)
            self._show_progress(state)
            for function in self._listeners:
                function()
            # What the shell would be told to run again is a button here.
            reason = self.job.reason.replace("run the same command to go on", "press Resume to go on")
            self.notice.say(self._refusal or reason)
        return state == "running"

    def show(self, key: str) -> None:
        """Displays the panel; in a report, carries the run out and displays its curves as a figure.

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
        """Carries the run out in the background and waits for it.

        Raises:
            BadInput: it ended, and is not complete.
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
        curves = analysis.curves_under_way(self.follower.dense_events(), self.follower.events())
        return figures.curves_under_way(curves)
