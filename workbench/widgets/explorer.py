"""Sliders over the masks of a model."""

import os
import time
from collections.abc import Callable
from html import escape

import ipywidgets as widgets
import plotly.graph_objects as go
from IPython.display import HTML, display

from workbench import figures
from workbench.analysis.expected_patterns import expected_pool
from workbench.analysis.expected_pool import ExpectedPool
from workbench.analysis.pool import PoolSpec, SampledPool
from workbench.errors import BadInput, unknown
from workbench.masks import UNSTRUCTURED, MagnitudeHistograms
from workbench.models import MINILM, load_weights
from workbench.widgets.background import Debouncer
from workbench.widgets.controls import MatrixChoice, pool_controls
from workbench.widgets.notice import Notice
from workbench.widgets.panels import PANELS, PanelTabs, View

_PAUSE_SECONDS = 0.4


class MaskExplorer(widgets.VBox):
    """What sparsity, sampling ratio and other settings do to the masks of a model.

    Moving a slider shows expected values at once. After a pause, masks are sampled in the background and the
    sampled values replace the expected ones. With n:m and a lower sparsity than its own there are no expected
    values, and the figures change when the masks are sampled. A setting that is not possible gives a message,
    and the figures stay as they are.

    Args:
        model: id or folder of a pretrained model, as in `workbench.models.load_weights`.
        settings: initial values of the sliders: any of the attributes of `analysis.pool.PoolSpec`.

    Attributes:
        weights: the model's prunable weights by name; empty if no model could be loaded.
        loaded: the model's id or folder.
        expected: expected values of the pool; None if there are none.
        sampled: the pool; None until it is sampled.
    """

    def __init__(self, model: str = MINILM, **settings):
        self.weights, self._counted, self.loaded = {}, {}, ""
        self.expected: ExpectedPool | None = None
        self.sampled: SampledPool | None = None
        self._refusal: Exception | None = None
        self._refused_settings: BadInput | None = None
        self.notice, self.status = Notice(), widgets.HTML()
        self.model = widgets.Text(
            value=model, description="Model", continuous_update=False, tooltip="A Hub id or a folder"
        )
        self.matrix = MatrixChoice()
        self.controls = pool_controls(self._checked(settings))
        self.tabs = PanelTabs(self.matrix.select)
        self._sampling = Debouncer(_PAUSE_SECONDS, self._sample, self._show_sampled)
        self._loading = Debouncer(0.0, lambda name, _: _read(name), self._show_loaded)
        super().__init__(self._parts())
        self._connect()
        self._show_loaded(_attempt(lambda: _read(model)))

    @property
    def spec(self) -> PoolSpec:
        """The settings of the sliders."""
        return PoolSpec(**{name: control.value for name, control in self.controls.items()})

    @property
    def ready(self) -> bool:
        """Whether the settings are possible, so that there is a pool."""
        return bool(self.weights) and self._refusal is None

    @property
    def description(self) -> list[str]:
        """The model in words; empty if none could be loaded."""
        if not self.weights:
            return []
        numel = sum(weight.numel() for weight in self.weights.values())
        return [f"{self.loaded}: {numel:,} prunable weights in {len(self.weights)} matrices."]

    def set(self, **settings) -> None:
        """Moves sliders, by name.

        Raises:
            BadInput: there is no such slider, or its range does not include the value.
        """
        for name, value in settings.items():
            if name not in self.controls:
                raise unknown("slider", name, self.controls)
            self.controls[name].value = value

    def pool(self) -> SampledPool:
        """The pool with the settings of the sliders; samples it first if necessary.

        Raises:
            BadInput: the model could not be loaded, or no mask can be sampled with these settings.
        """
        if self._refusal is not None:
            raise self._refusal
        if self.sampled is None:
            self._sampling.cancel()
            self._show_sampled(self._sample(self.spec, lambda: True))
        return self.sampled

    def figure(self, key: str) -> go.Figure:
        """The current figure of a panel.

        Raises:
            BadInput: there is no such panel, or nothing to show.
        """
        if self._view.pool is None:
            self.pool()
        panels = {panel.key: panel for panel in PANELS}
        if key not in panels:
            raise unknown("panel", key, panels)
        return panels[key].draw(self._view)

    def show(self) -> None:
        """Displays sliders and figures; in a report, the figures of the sampled masks, one below the other.

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
        return View(self.expected, self.sampled, self.matrix.value, self.weights)

    def _checked(self, settings: dict) -> PoolSpec:
        """The initial settings; the defaults if they are not possible, which is then reported."""
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

    def _connect(self) -> None:
        for control in self.controls.values():
            control.observe(lambda _: self._update(), "value")
        self.model.observe(lambda _: self._load(), "value")
        self.matrix.observe(lambda _: self._draw(of_matrix_only=True), "value")
        self.tabs.observe(lambda _: self._draw(), "selected_index")

    def _load(self) -> None:
        self._sampling.cancel()
        self._say(f"Loading {self.model.value}.")
        self._loading.request(self.model.value)

    def _show_loaded(self, loaded: tuple | Exception) -> None:
        if isinstance(loaded, Exception):
            self._refuse(loaded)
            return
        self.expected = self.sampled = None
        self.weights, self._counted = loaded
        self.matrix.offer(self.weights)
        self.loaded, refused, self._refused_settings = self.model.value, self._refused_settings, None
        self._update()
        if refused is not None:
            self._refuse(refused)

    def _update(self) -> None:
        """Shows the expected values for the settings of the sliders, and requests a sample."""
        if not self.weights:
            return
        self._sampling.cancel()
        spec = self.spec
        expected = _attempt(lambda: expected_pool(self.weights, spec, self._counted))
        if isinstance(expected, Exception):
            self._refuse(expected)
            return
        self.expected, self.sampled, self._refusal = expected, None, None
        shown = "Expected values; masks" if expected else "Masks of this sparsity with the pattern"
        self._say(f"{shown} are sampled when the sliders stop moving.")
        self._draw()
        self._sampling.request(spec)

    def _sample(self, spec: PoolSpec, wanted: Callable[[], bool]) -> SampledPool | None:
        start = time.perf_counter()
        pool = SampledPool.of(self.weights, spec, stopped=lambda: not wanted())
        self._seconds = time.perf_counter() - start
        return pool

    def _show_sampled(self, pool: SampledPool | Exception | None) -> None:
        if isinstance(pool, Exception):
            self._refuse(pool)
        elif pool is not None:
            self.sampled = pool
            self._say(f"{len(pool.masks)} masks, sampled in {self._seconds:.1f} s.")
            self._draw()

    def _draw(self, of_matrix_only: bool = False) -> None:
        """Draws the visible panels."""
        if self._view.pool is None or self.matrix.value is None:
            return
        with self.notice.catching():
            self.tabs.draw(self._view, of_matrix_only)

    def _say(self, sentence: str) -> None:
        self.notice.say("")
        self.status.value = escape(sentence)

    def _refuse(self, error: Exception) -> None:
        self._refusal = error
        self.notice.say(" ".join(str(error).split()) or type(error).__name__)
        self.status.value = "The figures show the previous settings." if self._view.pool else ""


def _read(model: str) -> tuple[dict, dict]:
    weights = load_weights(model)
    return weights, {str(UNSTRUCTURED): MagnitudeHistograms.of(weights)}


def _attempt(function: Callable):
    """What a function returns, or the exception that it raises."""
    try:
        return function()
    except Exception as error:
        return error
