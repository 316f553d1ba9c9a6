"""An executed notebook as one HTML page."""

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
    shown = nbformat.v4.new_notebook(
        cells=[_stripped(cell, index) for index, cell in enumerate(notebook.cells) if _shows(cell)],
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
    html, _ = exporter.from_notebook_node(shown, resources={"title": title, "plotlyjs": get_plotlyjs()})
    return html


def _shows(cell: nbformat.NotebookNode) -> bool:
    return cell.cell_type == "markdown" or bool(cell.get("outputs"))


def _stripped(cell: nbformat.NotebookNode, index: int) -> nbformat.NotebookNode:
    """A cell's content under a fixed name, without what libraries write to standard error."""
    if cell.cell_type == "markdown":
        return nbformat.v4.new_markdown_cell(cell.source, id=f"cell-{index}")
    outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return nbformat.v4.new_code_cell("", outputs=outputs, id=f"cell-{index}")
