"""The settings of a race."""

import os
from dataclasses import replace
from html import escape

import ipywidgets as widgets
from IPython.display import HTML, display

from workbench import figures
from workbench.tasks import modality, task_ids
from workbench.widgets.job_watch import JobWatch
from workbench.widgets.notice import Notice

_WIDE = {"style": {"description_width": "130px"}, "layout": widgets.Layout(width="420px")}


class RaceForm(widgets.VBox):
    """Task, sparsity, candidates, levels and seed of a run of the engine `randomized`.

    Different settings are a different run: the panel switches to it, and the previous one continues if it is
    in progress.

    Args:
        watch: the panel of the run, whose spec has the initial values.
    """

    def __init__(self, watch: JobWatch):
        self._watch = watch
        spec, engine = watch.spec, watch.spec.engine
        tasks = [task for task in task_ids() if modality(task) == modality(spec.task)]
        self.task = widgets.Dropdown(description="Task", options=tasks, value=spec.task, **_WIDE)
        self.sparsity = widgets.FloatSlider(
            description="Sparsity (share)",
            value=engine.sparsity,
            min=min(0.5, engine.sparsity),
            max=max(0.99, engine.sparsity),
            step=0.01,
            readout_format=".4f",
            continuous_update=False,
            **_WIDE,
        )
        self.candidates = _whole("Candidates a level", engine.candidates, 1, 16)
        self.levels = _whole("Levels", engine.levels, 1, 4)
        self.seed = widgets.BoundedIntText(description="Seed", value=spec.seed, max=2**31 - 1, **_WIDE)
        self.notice = Notice()
        controls = [self.task, self.sparsity, self.candidates, self.levels, self.seed]
        for control in controls:
            control.observe(lambda _: self._switch(), "value")
        super().__init__([*controls, self.notice])
        self.add_class("workbench-race-form")

    def show(self) -> None:
        """Displays the controls; in a report, their values."""
        if not os.environ.get(figures.REPORT_MODE):
            display(self)
            return
        values = "; ".join(f"{control.description} {control.value}" for control in self.children[:-1])
        display(HTML(f"<p>{escape(values)}.</p>"))

    def _switch(self) -> None:
        with self.notice.catching():
            spec = self._watch.spec
            engine = replace(
                spec.engine,
                sparsity=round(self.sparsity.value, 6),  # a slider gives 0.9100000000000001
                candidates=self.candidates.value,
                levels=self.levels.value,
            )
            self._watch.look_at(replace(spec, task=self.task.value, engine=engine, seed=self.seed.value))
            self.notice.say("")


def _whole(description: str, value: int, low: int, high: int) -> widgets.IntSlider:
    return widgets.IntSlider(
        description=description,
        value=value,
        min=min(low, value),
        max=max(high, value),
        continuous_update=False,
        **_WIDE,
    )
