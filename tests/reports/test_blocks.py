import pandas as pd
import pytest

from workbench.reports import blocks


@pytest.fixture
def shown(monkeypatch):
    """The HTML of what is displayed."""
    outputs = []
    monkeypatch.setattr(blocks, "display", lambda html: outputs.append(html.data))
    return outputs


def cells(html: str) -> list[str]:
    return html.replace("<td>", '<td class="number">').split('<td class="number">')[1:]


def test_text_is_escaped(shown):
    blocks.say("<b>&", kind="warning")
    blocks.command("a && b > c")
    blocks.table(pd.DataFrame({"<i>": ["<script>"]}))
    assert shown[0] == '<p class="warning">&lt;b&gt;&amp;</p>'
    assert shown[1] == "<pre>a &amp;&amp; b &gt; c</pre>"
    assert "<i>" not in shown[2]
    assert "&lt;script&gt;" in shown[2]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1234567, 1], ["1,234,567", "1"]),
        ([0.5, 0.12345], ["0.5000", "0.1235"]),
        ([12.345, 1.0], ["12.35", "1.00"]),
        ([12345.6, 0.1], ["12,346", "0"]),
        ([5e-5, 3e-4], ["5.0e-05", "3.0e-04"]),
        ([0.0, None], ["0.0000", "none"]),
        ([None, float("nan")], ["none", "none"]),
        ([True, False], ["yes", ""]),
        (["a_b", "c"], ["a_b", "c"]),
    ],
)
def test_a_column_has_one_format(shown, values, texts):
    dtype = "float64" if None in values else None
    blocks.table(pd.DataFrame({"x_y": pd.Series(values, dtype=dtype)}))
    assert [cell.split("</td>")[0] for cell in cells(shown[0])] == texts
    assert ">x y</th>" in shown[0]
