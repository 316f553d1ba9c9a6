"""A package from outside, installed by pip, is known to every process that the workbench starts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOY = Path(__file__).parents[1] / "fixtures" / "toy-plugin"
QUICK = [
    "--precision",
    "fp32",
    "--set",
    "dense.epochs=2",
    "--set",
    "epochs=2",
    "--set",
    "distillation.mode=none",
]


@pytest.fixture(scope="module")
def site(tmp_path_factory, root):
    """A folder into which pip installed the toy package."""
    site = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source")
    for file in TOY.iterdir():  # a build leaves files beside its sources
        (source / file.name).write_bytes(file.read_bytes())
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True)
    return site


@pytest.fixture(scope="module")
def shell(site, root, tmp_path_factory):
    """Runs a command with the toy package installed; returns what it printed."""
    folder = tmp_path_factory.mktemp("work")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(root)])}

    def call(*arguments: str, module: str = "workbench", installed: bool = True, code: int = 0) -> str:
        paths = environment if installed else environment | {"PYTHONPATH": str(root)}
        command = [sys.executable, "-m", module, *map(str, arguments)]
        done = subprocess.run(command, cwd=folder, env=paths, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr

    call.folder = folder
    return call


@pytest.fixture(scope="module")
def run(shell, tiny_model_dir) -> Path:
    """A run of the toy engine with the toy criterion on the toy task."""
    options = ["--engine", "cautious", "--sparsity", "0.5", "--model", tiny_model_dir, *QUICK]
    return shell.folder / shell("prune", "toy/letters", *options).splitlines()[-1]


def test_the_shell_knows_engine_criterion_and_task(run):
    results = json.loads((run / "results.json").read_text())
    assert [round(level["sparsity"], 2) for level in results["levels"]] == [0.25, 0.5]
    (record,) = json.loads((run / "environment.json").read_text())["plugins"]
    assert record == {"name": "toy-pruning", "version": "1.0", "target": "toy_pruning"}


def test_a_report_has_the_section(run, shell):
    page = shell.folder / shell("report", run, "--out", "page.html").strip()
    text = page.read_text()
    assert "Kept weights by level" in text
    kept = [str(level["kept"]) for level in json.loads((run / "results.json").read_text())["levels"]]
    assert f"The levels keep {', '.join(kept)} weights." in text


def test_a_grid_knows_it_in_its_processes(shell, tiny_model_dir):
    grid = shell.folder / "grid.yaml"
    grid.write_text(f"""
        base: {{precision: fp32, dense: {{epochs: 1}}}}
        axes: {{task: toy/letters, model: "{tiny_model_dir}", sparsity: 0.5}}
        engines: {{cautious: {{epochs: 1, distillation: {{mode: none}}}}}}
    """)
    shell("grid", grid, "--store", "grid", "--executor", "process")
    assert list((shell.folder / "grid").glob("toy-letters-cautious-*/results.json"))
    assert "cautious" in shell("grid", grid, "--store", "grid", "--executor", "one-by-one")


def test_a_background_run_knows_it(shell, tiny_model_dir):
    (shell.folder / "background.py").write_text(f"""
import workbench as wb
from workbench.engines import engine_class
from workbench.sweeps import start
engine = engine_class("cautious")(sparsity=0.5, epochs=1, distillation=wb.Distillation(mode="none"))
spec = wb.RunSpec(task="toy/letters", model={str(tiny_model_dir)!r}, engine=engine, precision="fp32",
                  dense=wb.FineTuning(epochs=1))
job = start(spec, "background")
assert job.wait(120) == "done", job.reason
""")
    shell(module="background")
    assert list((shell.folder / "background").glob("toy-letters-cautious-*/results.json"))


def test_doctor_lists_it(shell):
    rows = {row["name"]: row for row in json.loads(shell("doctor", "--json")) if row["kind"] == "plugin"}
    detail = rows["toy-pruning"]["detail"]
    for added in ("engine cautious", "criterion middling", "task source toy", "executor one-by-one"):
        assert added in detail


def test_without_the_package_its_run_says_what_it_needs(run, shell):
    for command in (["show", run], ["report", run, "--out", "other.html"]):
        message = shell(*command, installed=False, code=2)
        assert message.count("\n") == 1
        assert "needs plugin toy-pruning (1.0), which is not loaded" in message
    assert not (shell.folder / "other.html").exists()
    rows = json.loads(shell("runs", "--json", installed=False))
    assert "needs plugin toy-pruning" in rows[0]["status"], "the list shows the others all the same"
