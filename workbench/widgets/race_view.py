"""The race of a run, live: who is ahead, and who may win."""

import os

import ipywidgets as widgets
import pandas as pd
import plotly.graph_objects as go
from IPython.display import HTML, display

from workbench import analysis, figures
from workbench.errors import WorkbenchError
from workbench.runs import Run, drop, dropped
from workbench.widgets.job_watch import JobWatch
from workbench.widgets.live_figure import LiveFigure
from workbench.widgets.notice import Notice

_WAITING = "The candidates' curves appear here when the race begins."
_NEWEST = ("newest", 0)


class RaceView(widgets.VBox):
    """The early curves of a level's candidates, and a box for each: one whose box is empty cannot win.

    What a person decides is left in the run folder before the race chooses, and stands in the results. When
    a run trained all candidates in full, early scores are set against final ones.

    Args:
        watch: the panel of the run; this one looks whenever that one does.
    """

    def __init__(self, watch: JobWatch):
        self._watch = watch
        self.level = widgets.Dropdown(description="Level", options=[_NEWEST])
        self.level.observe(lambda _: self._look(), "value")
        self.told = widgets.HTML(_WAITING)
        self.boxes = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        self.notice = Notice()
        self._curves, self._foretelling = _Picture(), _Picture()
        self._pool: tuple | None = None
        self._refusal = ""
        super().__init__([self.level, self.told, self.boxes, self.notice, self._curves, self._foretelling])
        for part, name in [(self, "race"), (self.level, "level"), (self.boxes, "candidates")]:
            part.add_class(f"workbench-{name}")
        self.told.add_class("workbench-race-told")
        watch.listen(self._look)

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
        curves, scores = analysis.early_curves(run, level), analysis.early_against_final(run, level)
        figures.show(figures.early_curves(curves, metric), f"{key}-curves")
        display(HTML(f"<p>{_standing(curves)}</p>"))
        if not scores.empty:
            figures.show(figures.early_against_final(scores, metric), f"{key}-foretelling")
            display(HTML(f"<p>{_foretold(scores)}</p>"))

    def _look(self) -> None:
        """Follows the run folder."""
        with self.notice.catching():
            self.notice.say(self._refusal)
            events = self._watch.follower.events()
            levels = analysis.races_begun(events)
            self.level.options = [_NEWEST, *((str(level), level) for level in levels)]
            if levels:
                self._look_at(Run(self._watch.job.path), self.level.value or levels[-1], events)
            else:
                self.told.value, self.boxes.children, self._pool = _WAITING, (), None
                self._curves.clear()
                self._foretelling.clear()

    def _look_at(self, run: Run, level: int, events: list[dict]) -> None:
        curves, scores = analysis.early_curves(run, level), analysis.early_against_final(run, level)
        self.told.value = _standing(curves)
        self._offer(run, level, curves)
        if curves.empty:
            self._curves.clear()
            return
        metric = next(next(iter(event["metrics"])) for event in events if "metrics" in event)
        self._curves.draw(curves, figures.early_curves(curves, metric))
        if scores.empty:
            self._foretelling.clear()
        else:
            figure = figures.early_against_final(scores, metric)
            self._foretelling.draw(scores, figure, _foretold(scores))

    def _offer(self, run: Run, level: int, curves: pd.DataFrame) -> None:
        """A box for each candidate; new ones where another race is shown, so that a hand is not disturbed."""
        race = f"level-{level}/race"
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
                box.disabled = True  # putting it back is no decision
                box.value = change["old"]
                box.disabled = False
            self._look()

        box.observe(decide, "value")
        return box


class _Picture(widgets.VBox):
    """A figure with a sentence below it, drawn again only where its table has changed."""

    _table: pd.DataFrame | None = None

    def clear(self) -> None:
        self.children, self._table = (), None

    def draw(self, table: pd.DataFrame, figure: go.Figure, sentence: str = "") -> None:
        if self.children and table.equals(self._table):
            return
        if self.children:
            live, words = self.children
            live.show(figure)
            words.value = sentence
        else:
            self.children = (LiveFigure(figure), widgets.HTML(sentence))
        self._table = table


def _standing(curves: pd.DataFrame) -> str:
    """Who was chosen, or who is ahead so far, in words."""
    out = sorted(curves.loc[curves["dropped"], "candidate"].unique())
    by_hand = f" Dropped by hand: {', '.join(map(str, out))}." if out else ""
    chosen = curves.loc[curves["chosen"], "candidate"]
    if len(chosen):
        return f"The race is over: candidate {chosen.iloc[0]} was chosen.{by_hand}"
    return (
        "The race is on. A candidate whose box is empty cannot win; the others are judged by their scores."
        f"{by_hand}"
    )


def _foretold(scores: pd.DataFrame) -> str:
    return str(analysis.rank_correlation(scores["early"], scores["final"])).replace("'", "&#39;")
