"""docs/results/movement_collapse.py, from a run to its table."""

import runpy
import sys

import torch


def test_every_ranking_has_a_row_and_pruning_nothing_is_the_recorded_score(
    root, finished_run, monkeypatch, capsys
):
    folder = root / "docs" / "results"
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "argv", ["movement_collapse.py", str(finished_run.path), "2"])
    runpy.run_path(str(folder / "movement_collapse.py"), run_name="__main__")
    _, _, *rows = capsys.readouterr().out.strip().splitlines()
    pruned, accuracy, _ = zip(*(row.strip("| ").split(" | ") for row in rows), strict=True)
    assert pruned[:3] == ("nothing, dense model", "nothing, 2 steps later", "0.5%, lowest scores")
    assert len(pruned) == len(set(pruned)) == 2 + 4 * 4
    assert accuracy[0] == f"{finished_run.results['dense']['validation']['accuracy']:.3f}"


def test_the_lowest_share_of_each_matrix_becomes_zero(root, monkeypatch):
    folder = root / "docs" / "results"
    monkeypatch.syspath_prepend(folder)
    prune = runpy.run_path(str(folder / "movement_collapse.py"))["prune"]
    weights = {"a": torch.ones(2, 5), "b": torch.ones(4, 5)}
    prune(weights, {"a": torch.arange(10.0).view(2, 5), "b": -torch.arange(20.0).view(4, 5)}, 0.1)
    assert weights["a"].flatten().tolist() == [0.0] + [1.0] * 9
    assert weights["b"].flatten().tolist() == [1.0] * 18 + [0.0] * 2
