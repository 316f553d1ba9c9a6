"""The runs of a store, in a table."""

import os
from pathlib import Path

import ipywidgets as widgets
from IPython.display import HTML, display

from workbench import analysis, figures
from workbench.runs import INCOMPLETE
from workbench.sweeps import Job
from workbench.widgets.notice import Notice

_EMPTY = "There are no runs in {store} yet. `workbench prune synth/sst2 --engine magnitude` makes one."
_LOOK = ".workbench-runs :is(th, td) { padding: 2px 14px 2px 0; text-align: left; line-height: 1.4 }"


class RunTable(widgets.VBox):
    """The runs of a store and their status; the row of a run that cannot be read says why.

    Args:
        store: folder of run folders; it need not exist.
    """

    def __init__(self, store: str | Path = "runs"):
        self._store = Path(store)
        self.button = widgets.Button(description="Refresh", icon="refresh", tooltip="Reads the store again")
        self.button.on_click(lambda _: self.refresh())
        self.table, self.notice = widgets.HTML(), Notice()
        super().__init__([self.button, self.notice, self.table])
        self.add_class("workbench-runs")
        self.refresh()

    def refresh(self) -> None:
        """Reads the store again."""
        with self.notice.catching():
            self.table.value = self._html()
            self.notice.say("" if self.table.value else _EMPTY.format(store=self._store))

    def show(self) -> None:
        """Displays the panel; in a report, the table."""
        display(HTML(self.table.value) if os.environ.get(figures.REPORT_MODE) else self)

    def _html(self) -> str:
        runs = analysis.store.store_table(self._store)
        if runs.empty:
            return ""
        # The files of a run folder alone do not say whether a process is working on it.
        incomplete = runs["status"] == INCOMPLETE
        states = [Job(self._store / name).state for name in runs.loc[incomplete, "name"]]
        runs.loc[incomplete, "status"] = states
        runs.columns = [name.replace("_", " ") for name in runs.columns]
        known = runs.astype("object").where(runs.notna(), "")
        html = known.to_html(index=False, escape=True, border=0, justify="left", float_format="{:.4g}".format)
        return f'<style>{_LOOK}</style><div style="overflow-x:auto">{html}</div>'
