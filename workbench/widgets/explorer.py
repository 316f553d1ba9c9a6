"""Sliders over the masks of a model."""

import os
import time
from collections.abc import Callable
from html import escape

import ipywidgets as widgets
import plotly.graph_objects as go
from IPython.display import HTML, display

from workbench import figures
from workbench.analysis import ExpectedPool, PoolSpec, SampledPool
from workbench.errors import BadInput, unknown
from workbench.masks import MagnitudeHistograms
from workbench.models import MINILM, load_weights
from workbench.widgets.controls import pool_controls
from workbench.widgets.live_figure import LiveFigure
from workbench.widgets.matrix_choice import MatrixChoice
from workbench.widgets.notice import Notice
from workbench.widgets.panels import PANELS, TABS, Panel, View
from workbench.widgets.rest import AfterRest

_REST_SECONDS = 0.4


class MaskExplorer(widgets.VBox):
    """What sparsity, sampling ratio and the like do to the masks of a model.

    A move of a slider shows at once what to expect; when the hand rests, masks are sampled in the background
    and the truth takes its place. What cannot be done is a sentence in the panel, which else stays as it was.

    Args:
        model: id or folder of a pretrained model, as in `workbench.models.load_weights`.
        settings: where the sliders begin: any of the attributes of `analysis.PoolSpec`.

    Attributes:
        weights: the model's prunable weights by name; empty where no model could be loaded.
        loaded: the model's id or folder.
        expected: what to expect of the pool; None before there is any.
        sampled: the pool; None while it is not sampled.
    """

    def __init__(self, model: str = MINILM, **settings):
        self.weights, self._histograms, self.loaded = {}, None, ""
        self.expected: ExpectedPool | None = None
        self.sampled: SampledPool | None = None
        self._live: dict[str, LiveFigure] = {}
        self._refusal: Exception | None = None
        self._refused_settings: BadInput | None = None
        self.notice, self.status = Notice(), widgets.HTML()
        self.model = widgets.Text(
            value=model, description="Model", continuous_update=False, tooltip="A Hub id or a folder"
        )
        self.matrix = MatrixChoice()
        self.controls = pool_controls(self._checked(settings))
        self._sampling = AfterRest(_REST_SECONDS, self._sample, self._show_sampled)
        self._loading = AfterRest(0.0, lambda name, _: _read(name), self._show_loaded)
        super().__init__(self._parts())
        self._connect()
        self._show_loaded(_tried(lambda: _read(model)))

    @property
    def spec(self) -> PoolSpec:
        """What the sliders say."""
        return PoolSpec(**{name: control.value for name, control in self.controls.items()})

    @property
    def ready(self) -> bool:
        """Whether the settings were possible, so that there is a pool."""
        return self.expected is not None and self._refusal is None

    @property
    def description(self) -> list[str]:
        """What is looked at, in words; nothing where no model could be loaded."""
        if not self.weights:
            return []
        numel = sum(weight.numel() for weight in self.weights.values())
        return [f"{self.loaded}: {numel:,} prunable weights in {len(self.weights)} matrices."]

    def set(self, **settings) -> None:
        """Moves sliders, by name, as a hand would.

        Raises:
            BadInput: there is no such slider, or its range does not hold the value.
        """
        for name, value in settings.items():
            if name not in self.controls:
                raise unknown("slider", name, self.controls)
            self.controls[name].value = value

    def pool(self) -> SampledPool:
        """The masks that the sliders ask for; samples them first where that has not been done.

        Raises:
            BadInput: the model could not be loaded, or no mask can be sampled with these settings.
        """
        if self._refusal is not None:
            raise self._refusal
        if self.sampled is None:
            self._sampling.forget()
            self._show_sampled(self._sample(self.spec, lambda: True))
        return self.sampled

    def figure(self, key: str) -> go.Figure:
        """A panel's figure as it is now.

        Raises:
            BadInput: there is no such panel, or there is nothing to show.
        """
        if self.expected is None:
            raise self._refusal
        panels = {panel.key: panel for panel in PANELS}
        if key not in panels:
            raise unknown("panel", key, panels)
        return panels[key].draw(self._view)

    def show(self) -> None:
        """Displays sliders and pictures; in a report, the pictures of sampled masks, one below another.

        Raises:
            BadInput: in a report, there is nothing to show.
        """
        if not os.environ.get(figures.REPORT_MODE):
            display(self)
            return
        self.pool()
        for panel in PANELS:
            title = f"{panel.title}: {self.matrix.label}" if panel.of_matrix else panel.title
            display(HTML(f"<h3>{escape(title)}</h3><p>{escape(panel.caption)}</p>"))
            figures.show(self.figure(panel.key), panel.key)

    @property
    def _view(self) -> View:
        shapes = {name: tuple(weight.shape) for name, weight in self.weights.items()}
        return View(self.expected, self.sampled, self.matrix.value, shapes)

    def _checked(self, settings: dict) -> PoolSpec:
        """Where the sliders begin; a setting that cannot be is told, and the defaults are taken."""
        try:
            return PoolSpec(**settings)
        except BadInput as error:
            self._refused_settings = error
            return PoolSpec()

    def _parts(self) -> list[widgets.Widget]:
        columns = widgets.Layout(
            grid_template_columns="repeat(auto-fit, minmax(25em, 1fr))",
            align_items="center",
            overflow="visible",
            padding="0 4px 0 0",
        )
        for box in (self.model, self.matrix):
            box.style, box.layout = {"description_width": "8em"}, widgets.Layout(width="100%", min_width="0")
        controls = widgets.GridBox([*self.controls.values(), self.model, self.matrix], layout=columns)
        self._places = {panel.key: widgets.VBox() for panel in PANELS}
        self.tabs = widgets.Tab(
            [_side_by_side([self._framed(panel) for panel in panels]) for panels in TABS.values()],
            titles=list(TABS),
        )
        for part, name in [
            (self, "explorer"),
            (controls, "controls"),
            (self.tabs, "tabs"),
            (self.status, "status"),
            (self.model, "model"),
            (self.matrix, "matrix"),
        ]:
            part.add_class(f"workbench-{name}")
        return [controls, self.status, self.notice, self.tabs]

    def _framed(self, panel: Panel) -> widgets.VBox:
        hint = " Click on a matrix to look into it." if panel.chooses else ""
        text = widgets.HTML(f"<b>{escape(panel.title)}</b><br>{escape(panel.caption)}{hint}")
        frame = widgets.VBox([text, self._places[panel.key]], layout={"min_width": "0", "overflow": "hidden"})
        frame.add_class(f"workbench-panel-{panel.key}")
        return frame

    def _connect(self) -> None:
        for control in self.controls.values():
            control.observe(lambda _: self._renew(), "value")
        self.model.observe(lambda _: self._load(), "value")
        self.matrix.observe(lambda _: self._draw(of_matrix_only=True), "value")
        self.tabs.observe(lambda _: self._draw(), "selected_index")

    def _load(self) -> None:
        self._sampling.forget()
        self._say(f"Loading {self.model.value}.")
        self._loading.ask(self.model.value)

    def _show_loaded(self, found: tuple | Exception) -> None:
        if isinstance(found, Exception):
            self._refuse(found)
            return
        self.expected = self.sampled = None
        self.weights, self._histograms = found
        self.matrix.offer(self.weights)
        self.loaded, refused, self._refused_settings = self.model.value, self._refused_settings, None
        self._renew()
        if refused is not None:
            self._refuse(refused)

    def _renew(self) -> None:
        """Shows what to expect now that a slider has moved, and asks for the truth."""
        if not self.weights:
            return
        self._sampling.forget()
        spec = self.spec
        found = _tried(lambda: ExpectedPool(self.weights, self._histograms, spec))
        if isinstance(found, Exception):
            self._refuse(found)
            return
        self.expected, self.sampled, self._refusal = found, None, None
        self._say("Expected values; masks are sampled when the sliders rest.")
        self._draw()
        self._sampling.ask(spec)

    def _sample(self, spec: PoolSpec, wanted: Callable[[], bool]) -> SampledPool | None:
        begun = time.perf_counter()
        pool = SampledPool.of(self.weights, spec, stopped=lambda: not wanted())
        self._seconds = time.perf_counter() - begun
        return pool

    def _show_sampled(self, pool: SampledPool | Exception | None) -> None:
        if isinstance(pool, Exception):
            self._refuse(pool)
        elif pool is not None:
            self.sampled = pool
            self._say(f"{len(pool.masks)} masks, sampled in {self._seconds:.1f} s.")
            self._draw()

    def _draw(self, of_matrix_only: bool = False) -> None:
        """Draws the panels that are in sight."""
        if self.expected is None or self.matrix.value is None:
            return
        with self.notice.catching():
            for panel in list(TABS.values())[self.tabs.selected_index or 0]:
                if panel.of_matrix or not of_matrix_only:
                    self._draw_panel(panel, panel.draw(self._view))

    def _draw_panel(self, panel: Panel, figure: go.Figure) -> None:
        if panel.key in self._live:
            self._live[panel.key].show(figure)
            return
        self._live[panel.key] = LiveFigure(figure, self.matrix.choose if panel.chooses else None)
        self._places[panel.key].children = (self._live[panel.key],)

    def _say(self, sentence: str) -> None:
        self.notice.say("")
        self.status.value = escape(sentence)

    def _refuse(self, error: Exception) -> None:
        self._refusal = error
        self.notice.say(" ".join(str(error).split()) or type(error).__name__)
        self.status.value = "The pictures show the settings before." if self.expected else ""


def _read(model: str) -> tuple[dict, MagnitudeHistograms]:
    weights = load_weights(model)
    return weights, MagnitudeHistograms.of(weights)


def _tried(function: Callable):
    """What a function returns, or its error."""
    try:
        return function()
    except Exception as error:
        return error


def _side_by_side(parts: list[widgets.Widget]) -> widgets.GridBox:
    columns = "repeat(auto-fit, minmax(min(100%, 30em), 1fr))"
    return widgets.GridBox(parts, layout={"grid_template_columns": columns, "grid_gap": "1em"})
