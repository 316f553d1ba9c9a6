"""The race of a run, live: which candidate leads, and which may win."""

import os

import ipywidgets as widgets
import pandas as pd
import plotly.graph_objects as go
from IPython.display import HTML, display

from workbench import analysis, figures
from workbench.errors import WorkbenchError
from workbench.runs import Run, drop, dropped
from workbench.stages import Stage
from workbench.widgets.job_watch import JobWatch
from workbench.widgets.live_figure import LiveFigure
from workbench.widgets.notice import Notice

_WAITING = "The curves of the candidates appear here when the race begins."
_NEWEST = ("newest", 0)


class RaceView(widgets.VBox):
    """The early curves of a level's candidates, and a check box for each: an unchecked candidate cannot win.

    Decisions are written to the run folder before the race ends, and recorded in the results. If the run
    trained all candidates in full, their early scores are shown against the final ones.

    Args:
        watch: the panel of the run; this one is refreshed with it.
    """

    def __init__(self, watch: JobWatch):
        self._watch = watch
        self.level = widgets.Dropdown(description="Level", options=[_NEWEST])
        self.level.observe(lambda _: self._refresh(), "value")
        self.standing = widgets.HTML(_WAITING)
        self.boxes = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        self.notice = Notice()
        self._curves, self._scores = _CaptionedFigure(), _CaptionedFigure()
        self._pool: tuple | None = None
        self._refusal = ""
        super().__init__([self.level, self.standing, self.boxes, self.notice, self._curves, self._scores])
        for part, name in [(self, "race"), (self.level, "level"), (self.boxes, "candidates")]:
            part.add_class(f"workbench-{name}")
        self.standing.add_class("workbench-race-standing")
        watch.listen(self._refresh)

    def show(self, key: str) -> None:
        """Displays the panel; in a report, which is made when the run is complete, its figures.

        Args:
            key: of the figures, unique in the notebook.
        """
        if not os.environ.get(figures.REPORT_MODE):
            display(self)
            return
        run = Run(self._watch.job.path)
        level, metric = len(run.results["levels"]), run.results["metrics"][0]
        curves, scores = _tables(run, level)
        figures.show(figures.race.early_curves(curves, metric), f"{key}-curves")
        display(HTML(f"<p>{_standing(curves)}</p>"))
        if not scores.empty:
            figures.show(figures.race.early_against_final(scores, metric), f"{key}-prediction")
            display(HTML(f"<p>{_correlation(scores)}</p>"))

    def _refresh(self) -> None:
        """Reads the run folder again."""
        with self.notice.catching():
            self.notice.say(self._refusal)
            events = self._watch.follower.events()
            levels = analysis.race.raced_levels(events)
            self.level.options = [_NEWEST, *((str(level), level) for level in levels)]
            if levels:
                self._show_race(Run(self._watch.job.path), self.level.value or levels[-1], events)
            else:
                self.standing.value, self.boxes.children, self._pool = _WAITING, (), None
                self._curves.clear()
                self._scores.clear()

    def _show_race(self, run: Run, level: int, events: list[dict]) -> None:
        curves, scores = _tables(run, level)
        self.standing.value = _standing(curves)
        self._offer(run, level, curves)
        if curves.empty:
            self._curves.clear()
            return
        metric = next(next(iter(event["metrics"])) for event in events if "metrics" in event)
        self._curves.draw(curves, figures.race.early_curves(curves, metric))
        if scores.empty:
            self._scores.clear()
        else:
            figure = figures.race.early_against_final(scores, metric)
            self._scores.draw(scores, figure, _correlation(scores))

    def _offer(self, run: Run, level: int, curves: pd.DataFrame) -> None:
        """A check box for each candidate, replaced only for another race so that clicks are not lost."""
        race = Stage.level(level).race
        pool = run.path, race, len(run.folder.candidates(race))
        if pool != self._pool:
            self.boxes.children = [self._box(run, race, candidate) for candidate in range(pool[-1])]
            self._pool = pool
        over = bool(curves["chosen"].any())
        for candidate, box in enumerate(self.boxes.children):
            own = curves[curves["candidate"] == candidate]
            score = f", {own['value'].iloc[-1]:.3f}" if len(own) else ""
            box.description, box.disabled = f"keep {candidate}{score}", over
            if over:
                box.value = not own["dropped"].any()

    def _box(self, run: Run, race: str, candidate: int) -> widgets.Checkbox:
        box = widgets.Checkbox(
            value=candidate not in dropped(run.path, race),
            indent=False,
            layout=widgets.Layout(width="150px"),
            tooltip=f"Whether candidate {candidate} may win the race",
        )

        def decide(change: dict) -> None:
            if box.disabled:
                return
            self._refusal = ""
            try:
                drop(run.path, race, [i for i, other in enumerate(self.boxes.children) if not other.value])
            except WorkbenchError as error:
                self._refusal = str(error)
                box.disabled = True  # so that checking it again is not taken for a decision
                box.value = change["old"]
                box.disabled = False
            self._refresh()

        box.observe(decide, "value")
        return box


class _CaptionedFigure(widgets.VBox):
    """A figure with a sentence below it, redrawn only if its table has changed."""

    _table: pd.DataFrame | None = None

    def clear(self) -> None:
        self.children, self._table = (), None

    def draw(self, table: pd.DataFrame, figure: go.Figure, sentence: str = "") -> None:
        if self.children and table.equals(self._table):
            return
        if self.children:
            live, text = self.children
            live.show(figure)
            text.value = sentence
        else:
            self.children = (LiveFigure(figure), widgets.HTML(sentence))
        self._table = table


def _tables(run: Run, level: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The early curves, and the early scores beside the final ones."""
    return analysis.race.early_curves(run, level), analysis.race.early_against_final(run, level)


def _standing(curves: pd.DataFrame) -> str:
    """The state of the race in words: which candidate was chosen, and which were dropped."""
    removed = sorted(curves.loc[curves["dropped"], "candidate"].unique())
    by_hand = f" Dropped by hand: {', '.join(map(str, removed))}." if removed else ""
    chosen = curves.loc[curves["chosen"], "candidate"]
    if len(chosen):
        return f"The race is over: candidate {chosen.iloc[0]} was chosen.{by_hand}"
    return (
        "The race is in progress. An unchecked candidate cannot win; among the others, the best score wins."
        f"{by_hand}"
    )


def _correlation(scores: pd.DataFrame) -> str:
    return analysis.race.prediction(scores["early"], scores["final"]).replace("'", "&#39;")
