"""Dropdowns, and panels that follow them."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
from IPython.display import display
from IPython.utils.capture import capture_output

from workbench.errors import BadInput, WorkbenchError, unknown
from workbench.figures import REPORT_MODE
from workbench.reports import blocks

Draw = Callable[[Any], None]


class Chooser:
    """Chooses what a notebook shows, by dropdowns or by parameters.

    In a live kernel there is a dropdown for each choice, and panels are redrawn after each change. In a
    report there are no controls, and panels are plain outputs for the wanted keys. If a choice has no
    options, nothing is shown.

    Args:
        compute: called with the chosen keys by name; every panel gets its result.
        options: for each choice, a label for each of its keys.
        wanted: the initial keys; an empty one means the first.
        button: if computing takes long, the label of a button that must be pressed after a change.

    Raises:
        BadInput: in a report, a wanted key is not an option, or `compute` raises it. In a live kernel any
            error is a message beside the controls.
    """

    def __init__(
        self,
        compute: Callable[..., Any],
        options: Mapping[str, Mapping[str, str]],
        wanted: Mapping[str, str],
        button: str = "",
    ):
        self._compute, self._panels, self._result = compute, [], None
        self._empty = not all(options.values())
        self._live = not os.environ.get(REPORT_MODE)
        if self._empty:
            return
        chosen, refusal = _chosen(options, wanted)
        if not self._live:
            if refusal:
                raise refusal
            self._result = compute(**chosen)
            return
        self._dropdowns = {
            name: ipywidgets.Dropdown(
                options=[(label, key) for key, label in options[name].items()],
                value=key,
                description=name,
                layout={"width": "max-content", "max_width": "100%"},
                style={"description_width": "initial"},
            )
            for name, key in chosen.items()
        }
        self._button, self._message = ipywidgets.Button(description=button), ipywidgets.Output()
        self._button.on_click(self._update)
        for dropdown in () if button else self._dropdowns.values():
            dropdown.observe(self._update, "value")
        self._update()
        if refusal:
            self._message.outputs = _outputs(blocks.say, str(refusal))

    def show(self) -> None:
        """Displays the controls, if there are any."""
        if self._live and not self._empty:
            button = [self._button] if self._button.description else []
            controls = ipywidgets.HBox([*self._dropdowns.values(), *button], layout={"flex_flow": "row wrap"})
            display(ipywidgets.VBox([controls, self._message]))

    def panel(self, draw: Draw) -> None:
        """Decorates a function that displays the result: here, and again after each change."""
        if self._live and not self._empty:
            output = ipywidgets.Output()
            self._panels.append((draw, output))
            output.outputs = self._drawn(draw)
            display(output)
        elif self._result is not None:
            draw(self._result)

    def _update(self, *_: Any) -> None:
        self._button.disabled = True
        self._message.outputs = _outputs(blocks.say, "Computing …")
        self._result, message = None, ()
        try:
            self._result = self._compute(**{name: box.value for name, box in self._dropdowns.items()})
        except Exception as error:
            message = _outputs(blocks.say, _sentence(error))
        self._message.outputs = message
        for draw, output in self._panels:
            output.outputs = self._drawn(draw)
        self._button.disabled = False

    def _drawn(self, draw: Draw) -> tuple[dict, ...]:
        if self._result is None:
            return ()
        try:
            return _outputs(draw, self._result)
        except Exception as error:
            return _outputs(blocks.say, _sentence(error))


def _chosen(
    options: Mapping[str, Mapping[str, str]], wanted: Mapping[str, str]
) -> tuple[dict[str, str], BadInput | None]:
    """A key for each choice, and an error if a wanted key is not an option."""
    chosen, refusal = {}, None
    for name, labels in options.items():
        key = wanted.get(name, "")
        if key and key not in labels:
            refusal = unknown(name, key, labels)
        chosen[name] = key if key in labels else next(iter(labels))
    return chosen, refusal


def _outputs(draw: Callable, *arguments: Any) -> tuple[dict, ...]:
    """What a function displays, as the outputs of a cell."""
    with capture_output(stdout=False, stderr=False) as captured:
        draw(*arguments)
    return tuple(
        {"output_type": "display_data", "data": output.data, "metadata": output.metadata or {}}
        for output in captured.outputs
    )


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {text}"
