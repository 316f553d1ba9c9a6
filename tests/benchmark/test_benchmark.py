"""`workbench benchmark`: everything is measured and checked, but no time is judged."""

import json
from collections import Counter

import pytest

from workbench.benchmark import SCALES, as_text, machine
from workbench.benchmark.scales import normal_weights
from workbench.cli import main


def test_the_small_scale_checks_every_row(capsys):
    assert main(["benchmark", "--scale", "small", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["scale"] == "small"
    assert {"processor", "cores", "memory_gib", "threads", "versions"} <= result["machine"].keys()
    contestants = {}
    for line in result["rows"]:
        contestants.setdefault(line["what"], []).append(line["contestant"])
    kinds = Counter(what.partition(",")[0] for what in contestants)
    assert kinds["three products"] == 12
    assert kinds["forward"] == 6
    assert kinds["masked step"] == 3
    assert kinds["dense step"] == 1
    assert kinds.total() == 6 + 22
    steps = next(names for what, names in contestants.items() if what.startswith("masked step"))
    assert steps == ["dense", "sparse", "auto"]
    forward = next(names for what, names in contestants.items() if what.startswith("forward"))
    assert forward[0].startswith("workbench")
    assert {"torch fp32", "torch CSR fp32", "workbench fp32"} < set(forward)
    ranking = next(names for what, names in contestants.items() if "top-k to" in what)
    assert ranking == [
        "workbench",
        "torch.topk",
        "torch.kthvalue",
        "torch.sort",
        "numpy.argpartition",
        "prune.global_unstructured",
    ]


def test_the_text_names_the_machine_and_every_contestant():
    row = {"what": "work", "contestant": "ours", "seconds": 0.00123456, "relative": 1.0, "reads": 2.0}
    text = as_text({"machine": machine(), "rows": [row | {"extra_mib": None}]})
    assert text.startswith(machine()["processor"])
    assert text.splitlines()[2] == "work"
    assert text.splitlines()[-1].split()[:3] == ["ours", "0.001235", "1"]


def test_an_unknown_scale_is_rejected(capsys):
    assert main(["benchmark", "--scale", "bert-bas"]) == 2
    assert "bert-base" in capsys.readouterr().err


def test_the_scale_bert_base_has_the_size_of_bert_base():
    scale = SCALES["bert-base"]
    assert 12 * scale.layers * scale.hidden**2 == 84_934_656
    shapes = [tuple(weight.shape) for weight in normal_weights(1, 8).values()]
    assert shapes == [(8, 8)] * 4 + [(32, 8), (8, 32)]


@pytest.mark.parametrize("name", SCALES)
def test_every_pool_has_at_least_one_pair(name):
    assert SCALES[name].pool >= 2
