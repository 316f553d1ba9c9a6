"""The command line from the outside: exit codes, one-line errors, the run folder as the last line."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from workbench.cli import main
from workbench.runs import runs_in

QUICK = [
    *("--set", "dense.epochs=0.05", "--set", "epochs=2", "--set", "distillation.mode=none"),
    *("--scale", "0.02", "--precision", "fp32"),
]


@pytest.fixture
def prune(tiny_model_dir, tmp_path):
    """Runs `workbench prune synth/sst2` on the tiny encoder with additional arguments."""

    def call(*arguments):
        fixed = ["prune", "synth/sst2", "--model", str(tiny_model_dir), "--store", str(tmp_path / "runs")]
        return main([*fixed, *QUICK, *arguments])

    return call


def test_a_pruned_run_is_listed_and_shown(prune, tmp_path, capsys):
    assert prune("--engine", "magnitude", "--sparsity", "0.8") == 0
    folder = capsys.readouterr().out.splitlines()[-1]
    (run,) = runs_in(tmp_path / "runs")
    assert folder == str(run.path)
    assert run.spec.engine.sparsity == 0.8
    assert run.spec.engine.epochs == 2
    assert run.spec.dense.epochs == 0.05

    store = ["--store", str(tmp_path / "runs")]
    assert main(["runs", "--json", *store]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == run.name
    assert main(["runs", *store]) == 0
    assert run.name in capsys.readouterr().out
    assert main(["show", run.name, "--json", *store]) == 0
    assert json.loads(capsys.readouterr().out)["results"] == run.results
    assert main(["show", run.name, *store]) == 0
    assert "engine:" in capsys.readouterr().out


def test_options_override_a_recipe(prune, tiny_model_dir, tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("task: glue/rte\nseed: 7\nengine: {id: magnitude, sparsity: 0.5, lr: 0.001}\n")
    assert prune("--recipe", str(recipe), "--sparsity", "0.6") == 0
    (run,) = runs_in(tmp_path / "runs")
    assert (run.spec.task, run.spec.seed) == ("synth/sst2", 7)
    assert (run.spec.engine.sparsity, run.spec.engine.lr) == (0.6, 0.001)


def test_the_steps_of_another_run_can_be_matched(prune, tmp_path, capsys):
    assert prune("--engine", "imp", "--sparsity", "0.8") == 0
    name = capsys.readouterr().out.splitlines()[-1]
    assert prune("--engine", "magnitude", "--sparsity", "0.8", "--set", f"match_steps_of={name}") == 0
    imp, magnitude = runs_in(tmp_path / "runs")
    assert magnitude.spec.engine.total_steps == imp.results["cost"]["total"]["optimizer_steps"]


def test_a_repeated_grid_skips_complete_runs(tiny_model_dir, tmp_path, capsys):
    file, store = tmp_path / "grid.yaml", str(tmp_path / "runs")
    file.write_text(f"""
        base: {{scale: 0.02, precision: fp32, dense: {{epochs: 0.05}}}}
        axes: {{task: synth/sst2, model: "{tiny_model_dir}", sparsity: 0.8, seed: [0, 1]}}
        engines: {{magnitude: , imp: {{levels: 2, match_steps_of: magnitude, dense_epochs: 0}}}}
    """)
    assert main(["grid", str(file), "--store", store]) == 0
    first = capsys.readouterr()
    assert first.out.splitlines()[-1] == store
    assert first.err.count("done in") == 4
    assert len({run.optimizer_steps for run in runs_in(store)}) == 1
    assert main(["grid", str(file), "--store", store]) == 0
    second = capsys.readouterr()
    assert second.out == first.out
    assert second.err.count("complete already: ") == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["prun"], "prune"),
        (["prune"], "needs a TASK and --engine ID"),
        (["prune", "synth/sst3", "--engine", "magnitude"], "Did you mean synth/sst2"),
        (["prune", "synth/sst2", "--engine", "magnitud"], "Did you mean magnitude"),
        (["prune", "synth/sst2", "--engine", "magnitude", "--sparsity", "1.2"], "sparsity is 1.2"),
        (["prune", "synth/sst2", "--engine", "magnitude", "--sparsity", "many"], "many"),
        (["prune", "synth/sst2", "--engine", "magnitude", "--set", "epoch=1"], "Did you mean epochs"),
        (["prune", "synth/sst2", "--engine", "magnitude", "--set", "epochs"], "--set NAME=VALUE"),
        (["prune", "synth/sst2", "--engine", "magnitude", "--set", "dense.epoch=1"], "epochs"),
        (["prune", "synth/sst2", "--engine", "magnitude", "--set", "match_steps_of=x"], "run"),
        (["prune", "synth/sst2", "--engine", "magnitude", "--model", "./nowhere"], "does not exist"),
        (["prune", "synth/sst2", "--engine", "magnitude", "--model", "someone/something"], "Hub"),
        (["prune", "synth/sst2", "--engine", "magnitude", "--model", "all-MiniLM-L6"], "all-MiniLM-L6-v2?"),
        (["prune", "synth/sst2", "--engine", "magnitude", "--model", "no such model!"], "Hub id"),
        (["prune", "synth/sst2", "--engine", "imp", "--set", "ladder=[0.5,"], "is not a YAML value"),
        (
            ["prune", "synth/sst2", "--engine", "imp", "--set", "lr=1", "--set", "lr.b=1"],
            "lr is 1, which has",
        ),
        (["prune", "glue/rte", "--engine", "magnitude"], "WORKBENCH_GLUE_DIR"),
        (["prune", "--recipe", "first-rapport"], "first-report"),
        (["prune", "synth/sst2", "--engin", "magnitude"], "Did you mean --engine"),
        (["runs", "--jsn"], "Did you mean --json"),
        (["prune", "synth/sst2", "--engine", "magnitude", "--store", "/dev/null/x"], "Name another --store"),
        (["show", "nothing"], "unknown run in runs 'nothing'; there are none."),
        (["report", "."], ". is neither a run nor a store, and the store runs has no run of that name. Name"),
        (["report", "nothing"], "run"),
        (["grid", "nothing.yaml"], "nothing.yaml does not exist. Check the path."),
        (["grid", "one.yaml", "two.yaml"], "unexpected argument 'two.yaml'"),
        (["prune", "synth/sst2", "--keep-weight"], "Did you mean --keep-weights"),
        (
            ["prune", "synth/sst2", "--engine", "imp", "--set", "match_steps_of=x", "--set", "total_steps=9"],
            "leave one out",
        ),
        (["prune", "synth/sst2", "--engine", "smp", "--set", "label_words=a,b"], "such as [a, b]"),
        (["prune", "synth/sst2", "--engine", "imp", "--set", "distillation=none"], "distillation.NAME=VALUE"),
        (["prune", "synth/sst2", "--engine", "randomized", "--set", "ratios=[]"], "at least one value"),
        (["grid"], "FILE"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("workbench: ")
    assert output.err.count("\n") == 1
    assert message in output.err
    assert list(tmp_path.iterdir()) == [], "nothing is left half-written"


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_exits_with_3_and_says_how_to_resume(tiny_model_dir, tmp_path, kind):
    command = [
        *(sys.executable, "-c", "import sys; from workbench.cli import main; sys.exit(main())"),
        *("prune", "synth/sst2", "--engine", "magnitude", "--sparsity", "0.8", "--model", tiny_model_dir),
        *("--set", "epochs=500", "--set", "dense.epochs=0.05", "--store", tmp_path / "runs"),
    ]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    while not list((tmp_path / "runs").glob("*/events.jsonl")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(kind)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "run the same command to resume" in errors
    assert "Traceback" not in errors


def test_doctor_reports_what_is_usable_and_why_the_rest_is_not(capsys):
    assert main(["doctor", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["synth/sst2"]["usable"]
    assert rows["sentence-transformers/all-MiniLM-L6-v2"]["usable"]
    assert not rows["glue/rte"]["usable"]
    assert "WORKBENCH_GLUE_DIR" in rows["glue/rte"]["detail"]
    assert "candidates" in rows["randomized"]["detail"]
    assert main(["doctor"]) == 0
    assert "synth/sst2" in capsys.readouterr().out


def test_the_package_runs_as_a_module(tmp_path):
    command = [sys.executable, "-m", "workbench", "runs", "--store", str(tmp_path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
