"""The parts of a page that nbconvert does not parse."""

import base64

import nbformat

from workbench.reports.page import page


def test_tables_and_pictures_are_in_their_places():
    outputs = [
        nbformat.v4.new_output("display_data", data=data)
        for data in (
            {"text/html": "<p>it's <b>first</b> \\\\1 <!--held 1--></p>", "text/plain": "its plain text"},
            {"image/png": base64.b64encode(b"a picture").decode()},
            {"text/html": "<p>last</p>"},
        )
    ]
    cells = [nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell("1", outputs=outputs)]
    html = page(nbformat.v4.new_notebook(cells=cells), "a < b")
    shown = ["<title>a &lt; b", "<h1", outputs[0]["data"]["text/html"], 'alt="No description', "<p>last</p>"]
    places = [html.find(text) for text in shown]
    assert -1 not in places
    assert places == sorted(places)
    assert "its plain text" not in html
    assert html.count("plotly.js v") == 1
