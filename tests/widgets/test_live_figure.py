"""A figure that is redrawn in place: what it sends to the page, and what it receives."""

import plotly.graph_objects as go
import pytest

from workbench.widgets import LiveFigure


@pytest.fixture
def sent(monkeypatch):
    """What live figures send beside their figure."""
    messages = []
    monkeypatch.setattr(LiveFigure, "send", lambda _, content, buffers: messages.append((content, buffers)))
    return messages


def test_a_figure_is_plain_data_and_is_replaced():
    live = LiveFigure(go.Figure(go.Scatter(x=[1, 2], y=[3, 4]), layout={"height": 300}))
    assert live.figure["layout"]["height"] == 300
    assert not live.figure["config"]["showSendToCloud"]
    live.show(go.Figure(go.Scatter(x=[1], y=[5])))
    assert live.figure["data"][0]["y"] == [5]


def test_the_page_gets_plotlys_code_when_it_asks(sent):
    live = LiveFigure(go.Figure())
    assert sent == []
    live._handle_custom_msg("plotly", [])
    ((content, (code,)),) = sent
    assert content == "plotly"
    assert code[:200].startswith(b"/**\n* plotly.js v")


def test_a_click_is_reported_as_text(sent):
    clicks = []
    live = LiveFigure(go.Figure(), lambda x, y: clicks.append((x, y)))
    live._handle_custom_msg({"x": "query", "y": 3}, [])
    LiveFigure(go.Figure())._handle_custom_msg({"x": 1, "y": 2}, [])
    assert clicks == [("query", "3")]
    assert sent == []
