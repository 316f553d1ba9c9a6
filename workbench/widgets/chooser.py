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
    """What a notebook looks at, by dropdowns or by parameters.

    A live kernel gets a dropdown for each choice, and panels that are drawn anew after each change. A report
    has no controls: what is wanted is looked at once, and its panels are plain outputs. Where a choice has
    no option, nothing is shown at all.

    Args:
        look: called with the chosen keys by name; every panel gets what it returns.
        options: for each choice its keys, each with a label for reading.
        wanted: the keys to begin with; an empty one means the first.
        button: where looking takes long, the label of a button that must be pressed for it after a change.

    Raises:
        BadInput: in a report, a wanted key that is no option, or from `look`. In a live kernel these are
            sentences beside the controls, as is any other error.
    """

    def __init__(
        self,
        look: Callable[..., Any],
        options: Mapping[str, Mapping[str, str]],
        wanted: Mapping[str, str],
        button: str = "",
    ):
        self._look, self._panels, self._found = look, [], None
        self._empty = not all(options.values())
        self._live = not os.environ.get(REPORT_MODE)
        if self._empty:
            return
        chosen, refusal = _chosen(options, wanted)
        if not self._live:
            if refusal:
                raise refusal
            self._found = look(**chosen)
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
        self._button.on_click(self._follow)
        for dropdown in () if button else self._dropdowns.values():
            dropdown.observe(self._follow, "value")
        self._follow()
        if refusal:
            self._message.outputs = _shown(blocks.say, str(refusal))

    def show(self) -> None:
        """Displays the controls; in a report there are none."""
        if self._live and not self._empty:
            button = [self._button] if self._button.description else []
            controls = ipywidgets.HBox([*self._dropdowns.values(), *button], layout={"flex_flow": "row wrap"})
            display(ipywidgets.VBox([controls, self._message]))

    def panel(self, draw: Draw) -> None:
        """Decorates a function that displays what was looked at: here, and again after each change."""
        if self._live and not self._empty:
            output = ipywidgets.Output()
            self._panels.append((draw, output))
            output.outputs = self._drawn(draw)
            display(output)
        elif self._found is not None:
            draw(self._found)

    def _follow(self, *_: Any) -> None:
        self._button.disabled = True
        self._message.outputs = _shown(blocks.say, "Working.")
        self._found, said = None, ()
        try:
            self._found = self._look(**{name: box.value for name, box in self._dropdowns.items()})
        except Exception as error:
            said = _shown(blocks.say, _sentence(error))
        self._message.outputs = said
        for draw, output in self._panels:
            output.outputs = self._drawn(draw)
        self._button.disabled = False

    def _drawn(self, draw: Draw) -> tuple[dict, ...]:
        if self._found is None:
            return ()
        try:
            return _shown(draw, self._found)
        except Exception as error:
            return _shown(blocks.say, _sentence(error))


def _chosen(
    options: Mapping[str, Mapping[str, str]], wanted: Mapping[str, str]
) -> tuple[dict[str, str], BadInput | None]:
    """A key for each choice, and what is wrong with the wanted ones."""
    chosen, refusal = {}, None
    for name, there in options.items():
        key = wanted.get(name, "")
        if key and key not in there:
            refusal = unknown(name, key, there)
        chosen[name] = key if key in there else next(iter(there))
    return chosen, refusal


def _shown(draw: Callable, *arguments: Any) -> tuple[dict, ...]:
    """What a function displays, as outputs of a cell."""
    with capture_output(stdout=False, stderr=False) as captured:
        draw(*arguments)
    return tuple(
        {"output_type": "display_data", "data": output.data, "metadata": output.metadata or {}}
        for output in captured.outputs
    )


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {text}"
