"""Panels follow dropdowns in a live kernel, and parameters in a report; errors are sentences."""

import ipywidgets
import pytest
from IPython.core.interactiveshell import InteractiveShell

from workbench.errors import BadInput
from workbench.figures import REPORT_MODE
from workbench.reports import blocks
from workbench.widgets import Chooser, chooser

OPTIONS = {"task": {"rte": "the task rte", "cola": "cola"}, "seed": {"0": "0", "1": "1"}}


@pytest.fixture
def live(monkeypatch):
    """What a live kernel displays."""
    InteractiveShell.instance()
    monkeypatch.delenv(REPORT_MODE, raising=False)
    shown = []
    monkeypatch.setattr(chooser, "display", shown.append)
    yield shown
    InteractiveShell.clear_instance()


@pytest.fixture
def report(monkeypatch):
    """What a report displays."""
    monkeypatch.setenv(REPORT_MODE, "1")
    shown = []
    monkeypatch.setattr(chooser, "display", shown.append)
    monkeypatch.setattr(blocks, "display", lambda html: shown.append(html.data))
    return shown


def look(task, seed):
    if (task, seed) == ("cola", "1"):
        raise BadInput("there is no such run & <b>")
    return f"{task} {seed}"


def controls(shown, kind=ipywidgets.Dropdown):
    return [widget for widget in shown[-1].children[0].children if isinstance(widget, kind)]


def html(output) -> str:
    return "".join(part["data"]["text/html"] for part in output.outputs)


def test_a_panel_follows_every_dropdown(live):
    made = Chooser(look, OPTIONS, {"task": "", "seed": "1"})
    made.panel(blocks.say)
    (panel,) = live
    made.show()
    task, seed = controls(live)
    assert [(box.description, box.value) for box in (task, seed)] == [("task", "rte"), ("seed", "1")]
    assert task.options == (("the task rte", "rte"), ("cola", "cola"))
    assert html(panel) == "<p>rte 1</p>"
    seed.value = "0"
    assert html(panel) == "<p>rte 0</p>"
    task.value = "cola"
    assert html(panel) == "<p>cola 0</p>"


def test_an_error_is_a_sentence_and_the_next_choice_works(live):
    made = Chooser(look, OPTIONS, {"task": "cola"})
    made.panel(blocks.say)
    made.panel(lambda result: 1 / 0)
    panel, broken = live
    made.show()
    message, (_, seed) = live[-1].children[1], controls(live)
    assert html(broken) == "<p>ZeroDivisionError: division by zero</p>"
    seed.value = "1"
    assert html(message) == "<p>there is no such run &amp; &lt;b&gt;</p>"
    assert panel.outputs == broken.outputs == ()
    seed.value = "0"
    assert html(panel) == "<p>cola 0</p>"
    assert message.outputs == ()


def test_slow_computations_wait_for_the_button(live):
    made = Chooser(look, OPTIONS, {}, button="Look")
    made.panel(blocks.say)
    (panel,) = live
    made.show()
    (task, _), (button,) = controls(live), controls(live, ipywidgets.Button)
    task.value = "cola"
    assert html(panel) == "<p>rte 0</p>"
    button.click()
    assert html(panel) == "<p>cola 0</p>"
    assert not button.disabled


def test_an_unknown_key_is_reported_and_the_first_is_shown(live):
    made = Chooser(look, OPTIONS, {"task": "colla"})
    made.panel(blocks.say)
    (panel,) = live
    made.show()
    assert "unknown task 'colla'. Did you mean cola?" in html(live[-1].children[1])
    assert html(panel) == "<p>rte 0</p>"


def test_in_a_report_there_are_outputs_and_no_controls(report):
    made = Chooser(look, OPTIONS, {"task": "cola"}, button="Look")
    made.show()
    made.panel(blocks.say)
    assert report == ["<p>cola 0</p>"]


def test_in_a_report_errors_are_raised(report):
    with pytest.raises(BadInput, match="no such run"):
        Chooser(look, OPTIONS, {"task": "cola", "seed": "1"})
    with pytest.raises(BadInput, match="unknown seed '7'"):
        Chooser(look, OPTIONS, {"seed": "7"})


@pytest.mark.parametrize("mode", ["live", "report"])
def test_without_options_nothing_is_shown(mode, request):
    shown = request.getfixturevalue(mode)
    made = Chooser(look, OPTIONS | {"seed": {}}, {"seed": "7"})
    made.show()
    made.panel(blocks.say)
    assert shown == []
