"""Runs on one's own data: the same rows give the same run as a built-in task, and resume while they exist."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from tests.execution.resuming import interrupted_at, outcome
from tests.tasks.own.data import rows, save_task, write
from workbench.cli import main
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput, Stopped
from workbench.execution import prune
from workbench.reports import prose
from workbench.runs import Run, RunSpec
from workbench.sweeps import read_grid
from workbench.tasks import canonical_id, load_task, own
from workbench.tasks.glue import SCHEMAS
from workbench.training import Distillation, MaskedTrainer

ROWS = {"train": 160, "validation": 40}


@pytest.fixture
def real_rows(glue_dir, tmp_path, monkeypatch):
    """Makes WORKBENCH_GLUE_DIR hold the first rows of a real task; returns them by split."""

    def make(name):
        folder = tmp_path / "glue" / name
        folder.mkdir(parents=True)
        frames = {}
        for split, count in ROWS.items():
            file = f"{split}-00000-of-00001.parquet"
            frames[split] = pd.read_parquet(glue_dir / name / file).head(count)
            frames[split].to_parquet(folder / file)
        monkeypatch.setenv("WORKBENCH_GLUE_DIR", str(tmp_path / "glue"))
        return frames

    return make


def own_copy(frames, name, suffix, folder):
    """Writes the rows of a GLUE task with other column names; returns the task file."""
    schema = SCHEMAS[name]
    columns = {column: f"my {column}" for column in schema.inputs} | {"label": "answer"}
    folder.mkdir()
    for split, frame in frames.items():
        write(frame.rename(columns=columns)[list(columns.values())[::-1]], folder / f"{split}{suffix}")
    kind = "regression: true" if schema.is_regression else f"labels: [{', '.join(schema.labels)}]"
    path = folder / "task.yaml"
    path.write_text(f"""
        name: {name}
        train: train{suffix}
        dev: validation{suffix}
        inputs: [{", ".join(columns[column] for column in schema.inputs)}]
        label: answer
        {kind}
        metrics: [{", ".join(schema.metrics)}]
        max_length: {schema.max_length}
    """)
    return path


@pytest.mark.parametrize("name", ["cola", "rte", "stsb"])
def test_the_same_rows_give_the_same_task_in_every_format(name, real_rows, tmp_path):
    frames = real_rows(name)
    expected = load_task(f"glue/{name}")
    ids = set()
    for suffix in own.FORMATS:
        task = load_task(str(own_copy(frames, name, suffix, tmp_path / suffix)))
        ids.add(task.id)
        for seed in (0, 1):
            for ours, theirs in zip(task.split(seed), expected.split(seed), strict=True):
                ours.columns = theirs.columns
                pd.testing.assert_frame_equal(ours, theirs)
    assert len(ids) == 1


@pytest.mark.parametrize(("name", "suffix"), [("cola", ".csv"), ("stsb", ".jsonl"), ("rte", ".parquet")])
def test_the_same_rows_give_the_same_run_but_for_its_name(name, suffix, real_rows, spec_of, tmp_path):
    path = own_copy(real_rows(name), name, suffix, tmp_path / "own")
    engine = Magnitude(sparsity=0.7, epochs=1, lr=1e-3, distillation=Distillation(mode="none"))
    spec = spec_of(task=f"glue/{name}", engine=engine, scale=1.0)
    runs = [prune(replace(spec, task=task), tmp_path / "runs") for task in (f"glue/{name}", str(path))]
    first, second = map(outcome, runs)
    assert [run.name.partition("-magnitude-")[0] for run in runs] == [
        f"glue-{name}",
        runs[1].spec.task.replace("/", "-"),
    ]
    for results in (first["results"], second["results"]):
        del results["run"], results["task"]
        del results["environment"]["content"]["data"]  # covers the columns' names
    assert first == second


@pytest.fixture
def spec(spec_of, tmp_path):
    """A short run on one's own data."""
    save_task(tmp_path, label="stars")
    return spec_of(
        task=str(tmp_path / "reviews.yaml"),
        engine=Magnitude(sparsity=0.5, epochs=6, lr=1e-3, distillation=Distillation(mode="none")),
        scale=1.0,
    )


def test_a_run_resumes_while_its_rows_are_there(spec, tmp_path, monkeypatch):
    advance = MaskedTrainer.advance
    monkeypatch.setattr(MaskedTrainer, "advance", interrupted_at(advance, 4))
    with pytest.raises(Stopped):
        prune(spec, tmp_path / "runs")
    monkeypatch.setattr(MaskedTrainer, "advance", advance)
    folder = tmp_path / "runs" / spec.name
    own.OWN.clear()  # as in another process
    resumed = Run(folder).spec
    assert (resumed, resumed.name) == (spec, folder.name)

    train = tmp_path / "train.csv"
    kept = train.read_bytes()
    write(rows(39), train)
    with pytest.raises(BadInput, match=r"rows of task own/reviews-\w+ have changed .*train\.csv.*Restore"):
        prune(resumed, tmp_path / "runs")
    train.rename(tmp_path / "elsewhere.csv")
    with pytest.raises(BadInput, match=r"own/reviews-\w+ cannot be loaded: .*train\.csv does not exist"):
        prune(resumed, tmp_path / "runs")
    train.write_bytes(kept)
    assert prune(resumed, tmp_path / "runs").done

    run = Run(folder)
    config = json.loads((run.folder.model / "config.json").read_text())
    assert config["id2label"] == {"0": "bad", "1": "good"}
    # A complete run is read, and its report made, where the data is not.
    shutil.rmtree(tmp_path / "runs" / "shared")
    train.unlink()
    own.OWN.clear()
    run = Run(folder)
    text = " ".join(prose.what_was_run(run))
    assert "train train.csv and dev dev.csv, defined in reviews.yaml" in text
    assert prose.reproduction(run).split()[1:4] == ["workbench", "prune", "reviews.yaml"]
    assert str(tmp_path) not in text + prose.reproduction(run).partition("--model")[0]


def test_the_shell_names_columns_and_repeats_the_run_from_its_spec(spec, tmp_path, capsys):
    data = ["--text", "title", "--text", "text", "--label", "grade", "--regression", "--dev", "0.25"]
    short = [
        "--set",
        "total_steps=2",
        "--set",
        "dense.epochs=0.1",
        "--model",
        spec.model,
        "--precision",
        "fp32",
    ]
    command = ["prune", str(tmp_path / "train.csv"), *data, "--engine", "magnitude", "--sparsity", "0.5"]
    assert main([*command, *short, "--store", str(tmp_path / "runs")]) == 0
    run = Run(capsys.readouterr().out.splitlines()[-1])
    assert run.results["metrics"] == ["pearson", "spearman"]
    assert run.results["examples"] == {"train": 27, "validation": 3, "dev/validation": 10}
    assert prose.reproduction(run).split()[1:] == ["workbench", "prune", "--recipe", f"{run.name}/spec.yaml"]
    own.OWN.clear()
    assert main(["prune", "--recipe", str(run.folder.spec), "--store", str(tmp_path / "runs")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(run.path)


def test_names_of_runs_depend_on_rows_and_not_on_places(spec, tmp_path):
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(tmp_path / "train.csv", moved)
    shutil.copy(tmp_path / "dev.csv", moved)
    shutil.copy(tmp_path / "reviews.yaml", moved)
    there = replace(spec, task=str(moved / "reviews.yaml"))
    assert there.data.train != spec.data.train
    assert there.name == spec.name
    assert RunSpec.from_plain(spec.changed) == spec
    assert replace(spec, task="synth/rte").data is None
    write(rows(41), moved / "train.csv")
    assert replace(spec, task=str(moved / "reviews.yaml")).name != spec.name


def test_grids_and_recipes_name_task_files_relative_to_themselves(spec, tmp_path, monkeypatch):
    (tmp_path / "grid.yaml").write_text(
        "axes: {task: [reviews.yaml, synth/rte], sparsity: [0.5]}\nengines: {magnitude: }\n"
        "overrides: [{where: {task: reviews.yaml}, axes: {sparsity: [0.7]}}]\n"
    )
    (tmp_path / "recipe.yaml").write_text("task: reviews.yaml\nengine: {id: magnitude, sparsity: 0.5}\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    cells = read_grid("../grid.yaml")
    assert [(cell.spec.task, cell.spec.engine.sparsity) for cell in cells] == [
        (spec.task, 0.7),
        ("synth/rte", 0.5),
    ]
    assert RunSpec.from_yaml("../recipe.yaml").task == spec.task == canonical_id(spec.task)
    write(rows(10), tmp_path / "dev.csv")  # the first rows of train
    with pytest.raises(BadInput, match="10 of the 10 dev rows"):
        read_grid("../grid.yaml")
    assert read_grid("../grid.yaml", accept_repeated=True)[0].spec.engine.sparsity == 0.7
