"""The study's scripts: from a grid file and a store to tables of answers, and to scores."""

import runpy
import sys
from contextlib import redirect_stdout
from io import StringIO

import pandas as pd
import pytest
import yaml

from tests.pools import COPIES, FAR, NEAR, SEEDS, STUDIED


@pytest.fixture(scope="module")
def printed(root, study, tmp_path_factory):
    """What a script of docs/results prints for the study's grid file and store."""
    store, file = study[0].path.parent, tmp_path_factory.mktemp("grid") / "grid.yaml"
    base = study[0].spec.changed
    grid = {
        "axes": {
            "task": base.pop("task"),
            "model": base.pop("model"),
            "sparsity": [0.6, 0.8],
            "seed": [*range(SEEDS), 7],
        },
        "engines": {
            "near": {"id": "randomized", **STUDIED, **NEAR},
            "far": {"id": "randomized", **STUDIED, **FAR},
            "copies": {"id": "randomized", **STUDIED, **COPIES},
            "imp": {},
        },
        "base": {name: value for name, value in base.items() if name != "engine"},
    }
    file.write_text(yaml.safe_dump(grid))
    scripts = root / "docs" / "results"

    def of(script: str) -> str:
        text = StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(text):
            patch.setattr(sys, "path", [str(scripts), *sys.path])
            patch.setattr(sys, "argv", [script, str(file), str(store)])
            runpy.run_path(str(scripts / script), run_name="__main__")
        return text.getvalue()

    return of


@pytest.fixture(scope="module")
def tables(printed):
    """The study's tables by title, in Markdown; and what its script prints first."""
    first, *parts = printed("selection.py").split("\n## ")
    found = {"": first}
    for part in parts:
        title, _, text = part.partition("\n\n")
        found.setdefault(title[:2] if title[2] == "." else title, text)
        found[title] = text
    return found


def rows(text):
    """The rows of a Markdown table, as dictionaries."""
    head, _, *lines = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.split("\n") if line
    )
    return [dict(zip(head, line, strict=True)) for line in lines]


def row(tables, title, **wanted):
    """The only row of a table with these cells."""
    names = {name.replace("_", " "): value for name, value in wanted.items()}
    (match,) = [
        row for row in rows(tables[title]) if all(row[name] == value for name, value in names.items())
    ]
    return match


def test_the_tables_give_the_known_effects_back(tables):
    assert "24 of 32 runs are complete" in tables[""]
    far = {"sparsity": "0.8", "entry": "far"}
    masks = row(tables, "Q1", design="several data orders", **far)
    assert float(masks["share"].split()[0]) > 0.9
    assert masks["outside"] == "0.300"
    near = row(tables, "Q1", sparsity="0.8", entry="near")
    assert (near["design"], near["share"].split()[1]) == ("control", "(0.00")
    assert row(tables, "Q2", early="loss", **far)["predicts from"] == "10"
    metric = row(tables, "Q2", early="metric", **far)
    assert metric["predicts from"] == "40"
    assert float(metric["step 40"].split()[0]) > 0.9 > float(metric["step 10"].split()[0])
    oracle = row(tables, "Q3", rule="oracle", **far)
    assert float(oracle["gain"].split()[0]) > 0.02
    assert float(oracle["would detect"]) > 0


def test_dev_scores_are_compared_with_each_other_entry_at_its_cost(tables):
    title = "Q3. What does selecting gain on dev?"
    control = row(tables, title, sparsity="0.6", entry="near", minus="copies")
    assert control["difference on dev, bootstrap"].startswith("+0.0250 (")
    assert float(control["would detect"]) > 0
    imp = row(tables, title, sparsity="0.6", entry="near", minus="imp")
    assert imp["difference on dev, bootstrap"].startswith("-0.0250 (")
    assert int(imp["steps of the other"]) - int(imp["steps"]) == 400
    assert (
        row(tables, "Q4", sparsity="0.6", entry="near")["dev - control"]
        == control["difference on dev, bootstrap"]
    )
    assert "No runs." in tables["Does the setting tell masks apart?"]


def test_the_scores_are_a_row_for_each_complete_run(printed, study):
    scores = pd.read_csv(StringIO(printed("scores.py")))
    dev = {run.name: next(iter(run.results["dev"].values())) for run in study}
    assert len(scores) == 24
    assert set(scores["entry"]) == {"near", "far", "copies", "imp"}
    assert scores.set_index("run")["dev"].to_dict() == pytest.approx(
        {run: next(iter(dev[run].values())) for run in scores["run"]}, rel=1e-5
    )
