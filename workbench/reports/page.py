"""An executed notebook as one HTML page."""

import re
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from plotly.offline import get_plotlyjs

_TEMPLATE = Path(__file__).with_name("page.html.j2")


def page(notebook: nbformat.NotebookNode, title: str) -> str:
    """Text, figures and tables of a notebook as a page that loads nothing; it includes plotly's code once.

    The page does not depend on when, where or how fast the notebook was executed.

    Args:
        notebook: executed; nbformat 4.
        title: of the page; any text.
    """
    held = _Held()
    shown = nbformat.v4.new_notebook(
        cells=[_stripped(cell, index, held) for index, cell in enumerate(notebook.cells) if _shows(cell)],
        metadata={"language_info": {"name": "python"}},
    )
    exporter = HTMLExporter(
        template_name="lab",
        template_file=_TEMPLATE.name,
        extra_template_paths=[str(_TEMPLATE.parent)],
        exclude_input=True,
        exclude_output_prompt=True,
        exclude_input_prompt=True,
        exclude_anchor_links=True,
    )
    resources = {"title": title, "plotlyjs": held.place_of(get_plotlyjs())}
    html, _ = exporter.from_notebook_node(shown, resources=resources)
    return held.filled(html)


class _Held:
    """Parts of a page that are put in last, since nbconvert parses all others, long tables for seconds."""

    def __init__(self):
        self._texts: list[str] = []

    def place_of(self, text: str) -> str:
        """A comment that stands for the text until then."""
        self._texts.append(text)
        return f"<!--held {len(self._texts) - 1}-->"

    def filled(self, html: str) -> str:
        """The page with all texts in their places."""
        return re.sub(r"<!--held (\d+)-->", lambda place: self._texts[int(place[1])], html)


def _shows(cell: nbformat.NotebookNode) -> bool:
    return cell.cell_type == "markdown" or bool(cell.get("outputs"))


def _stripped(cell: nbformat.NotebookNode, index: int, held: _Held) -> nbformat.NotebookNode:
    """A cell's content under a fixed name, without what libraries write to standard error; HTML is held."""
    if cell.cell_type == "markdown":
        return nbformat.v4.new_markdown_cell(cell.source, id=f"cell-{index}")
    outputs = [dict(output) for output in cell.outputs if output.get("name") != "stderr"]
    for output in outputs:
        if "text/html" in (data := output.get("data", {})):
            output["data"] = data | {"text/html": held.place_of(data["text/html"])}
    return nbformat.v4.new_code_cell("", outputs=outputs, id=f"cell-{index}")
