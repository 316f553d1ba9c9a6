"""The matrix that is looked into."""

from collections.abc import Iterable

import ipywidgets as widgets

from workbench.figures.style import matrix_title
from workbench.masks import layer_index, matrix_type


class MatrixChoice(widgets.Dropdown):
    """A matrix of a model, chosen from a list or by its place in a heat map."""

    def __init__(self):
        super().__init__(description="Matrix", tooltip="The matrix to look into")
        self._at: dict[tuple[str, str], str] = {}

    def offer(self, names: Iterable[str]) -> None:
        """Lists the matrices of a model and chooses the first."""
        names = list(names)
        self._at = {_place(name): name for name in names}
        self.options = [(_label(*_place(name)), name) for name in names]
        self.value = names[0]

    def choose(self, kind: str, layer: str) -> None:
        """Chooses the matrix in a column and row of a heat map, where there is one."""
        self.value = self._at.get((kind, layer), self.value)


def _place(name: str) -> tuple[str, str]:
    """Column and row in the heat maps."""
    layer = layer_index(name)
    return matrix_title(matrix_type(name)), "stem" if layer is None else str(layer)


def _label(kind: str, layer: str) -> str:
    return f"{kind}, {'stem' if layer == 'stem' else f'layer {layer}'}"
