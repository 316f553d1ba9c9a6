import plotly.graph_objects as go
import pytest

from workbench.figures import REPORT_MODE, display, key_prefix, show


@pytest.fixture
def shown(monkeypatch):
    """What is displayed."""
    outputs = []
    monkeypatch.setattr(display, "display", outputs.append)
    return outputs


def test_in_a_report_a_figure_is_html_with_its_key_as_id(monkeypatch, shown):
    monkeypatch.setenv(REPORT_MODE, "1")
    for _ in range(2):
        show(go.Figure(go.Scatter(x=[1], y=[2])), "my-key")
    first, second = (output.data for output in shown)
    assert first == second
    assert '<div id="my-key"' in first
    assert "src=" not in first
    assert len(first) < 10_000


def test_a_prefix_is_put_before_the_keys_inside_it(monkeypatch, shown):
    monkeypatch.setenv(REPORT_MODE, "1")
    with key_prefix("mine-"):
        show(go.Figure(), "key")
    show(go.Figure(), "key")
    inside, outside = (output.data for output in shown)
    assert '<div id="mine-key"' in inside
    assert '<div id="key"' in outside


def test_a_live_kernel_gets_data_and_no_code(monkeypatch):
    monkeypatch.delenv(REPORT_MODE, raising=False)
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: bundles.append(bundle))
    show(go.Figure(go.Scatter(x=[1], y=[2])), "my-key")
    assert [list(bundle) for bundle in bundles] == [["application/vnd.plotly.v1+json"]]
