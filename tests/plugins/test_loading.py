"""Loading plugins in this process, and what is refused."""

import os
import sys
from pathlib import Path

import pytest

from workbench import plugins
from workbench.cli import main
from workbench.engines import engine_class, engine_ids
from workbench.errors import BadInput
from workbench.plugins import Plugin, check_records, load_plugin
from workbench.reports.kernel import started_kernel
from workbench.scores import CRITERIA
from workbench.sweeps import executor

CRITERION = """
from workbench.scores import criterion

@criterion
def {name}(weights):
    return {{name: -weight.detach().abs() for name, weight in weights.items()}}
"""
ENGINE = """
from typing import ClassVar
from workbench.engines import Engine
from workbench.settings import settings

@settings
class Lazy(Engine):
    "Does nothing."
    id: ClassVar[str] = "{id}"
    def {method}(self, bench): return bench.dense()
"""


@pytest.fixture
def plugin(registries, tmp_path):
    """Writes a plugin file and returns its path."""

    def write(text: str, name: str = "mine"):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return path

    return write


def test_a_file_is_loaded_once_and_handed_to_other_processes(plugin):
    path = plugin(CRITERION.format(name="smallest"))
    loaded = load_plugin(path)
    assert loaded.name == "mine"
    assert loaded.version.startswith("sha256:")
    assert loaded == load_plugin(path)
    assert "smallest" in CRITERIA
    assert plugins.contents(loaded) == {"criterion": ["smallest"]}
    assert os.environ[plugins.VARIABLE].split(os.pathsep).count(str(path)) == 1


def test_relative_files_in_the_variable_are_found_from_other_folders(plugin, monkeypatch):
    path = plugin(CRITERION.format(name="smallest"))
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv(plugins.VARIABLE, path.name)
    assert plugins.listed() == [str(path)]
    load_plugin(path.name)
    assert os.environ[plugins.VARIABLE] == str(path)


def test_the_kernel_of_a_report_gets_absolute_files(plugin, monkeypatch):
    path = plugin(CRITERION.format(name="smallest"))
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv(plugins.VARIABLE, path.name)
    with started_kernel() as kernel:
        given = Path(f"/proc/{kernel.process.pid}/environ")
        if given.exists():  # on Linux
            assert f"{plugins.VARIABLE}={path}\0".encode() in given.read_bytes() + b"\0"


def test_a_plugin_that_fails_when_discovered_fails_again(plugin, monkeypatch):
    monkeypatch.setattr(plugins, "_discovered", False)
    good = plugin(CRITERION.format(name="smallest"))
    monkeypatch.setenv(plugins.VARIABLE, os.pathsep.join(["/nowhere/absent.py", str(good)]))
    for _ in range(2):
        with pytest.raises(BadInput, match=r"absent\.py does not exist"):
            "smallest" in CRITERIA  # noqa: B015
    monkeypatch.setenv(plugins.VARIABLE, str(good))
    assert "smallest" in CRITERIA


def test_a_relative_file_is_relative_to_the_file_that_names_it(plugin):
    path = plugin(CRITERION.format(name="smallest"))
    recipe = path.parent / "recipes" / "recipe.yaml"
    plugins.load_named(["../mine.py"], str(recipe), recipe.parent)
    assert "smallest" in CRITERIA


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_this_name", "fails on import: ModuleNotFoundError: No module named"),
        ("1 / 0", "fails on import: ZeroDivisionError: division by zero"),
        ("def", "fails on import: SyntaxError"),
        ("x = 1", "adds nothing"),
        (
            CRITERION.format(name="magnitude"),
            "criterion 'magnitude' already exists, built into the workbench",
        ),
        (CRITERION.format(name="smallest") + CRITERION.format(name="magnitude"), "already exists"),
        (ENGINE.format(id="imp", method="prune"), "engine 'imp' already exists"),
        (ENGINE.format(id="lazy", method="prun"), r"engine lazy has no method prune\(self, bench\)"),
        (
            "from workbench.tasks import add_source\nadd_source('mine', 3)",
            "task source mine is 3. Give Source",
        ),
        ("from workbench.sweeps import add_executor\nadd_executor('mine', 3)", "executor mine is 3; give a"),
        (
            "from workbench.reports import report_section\nreport_section('A', about='all')",
            "about 'all'; write about='run'",
        ),
        ("from workbench.scores import criterion\n@criterion\ndef mine(weights, hessian): ...", "hessian"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_refused_and_leaves_nothing(plugin, text, message):
    engines, criteria = engine_ids(), list(CRITERIA)
    with pytest.raises(BadInput, match=message) as caught:
        load_plugin(plugin(text))
    assert "\n" not in str(caught.value)
    assert "mine.py" in str(caught.value)
    assert (engine_ids(), list(CRITERIA)) == (engines, criteria)
    assert "workbench_plugin_mine" not in sys.modules
    assert "mine.py" not in os.environ[plugins.VARIABLE]


def test_an_executor_that_lacks_a_method_is_refused(plugin):
    load_plugin(plugin("from workbench.sweeps import add_executor\nadd_executor('half', lambda jobs: 3)"))
    with pytest.raises(BadInput, match="executor half lacks jobs, start, ended, stop"):
        executor("half")


def test_the_plugins_of_a_grid_may_add_its_executor(plugin, tmp_path, capsys):
    plugin("from workbench.sweeps import add_executor\nadd_executor('half', lambda jobs: 3)")
    grid = tmp_path / "grid.yaml"
    grid.write_text("plugins: [mine.py]\naxes: {task: synth/sst2, sparsity: 0.5}\nengines: {magnitude: {}}")
    assert main(["grid", str(grid), "--store", str(tmp_path / "runs"), "--executor", "half"]) == 2
    assert "executor half lacks jobs, start, ended, stop" in capsys.readouterr().err
    assert main(["grid", str(grid), "--executor", "rey"]) == 2
    assert "unknown executor 'rey'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere.py", "does not exist. Name a Python file"),
        ("no_such_package.pruning", "cannot be found. Install the package"),
        ("", "cannot be found"),
    ],
)
def test_a_plugin_that_is_not_there(registries, target, message):
    with pytest.raises(BadInput, match=message):
        load_plugin(target)


def test_two_plugins_of_one_name_are_refused(plugin, tmp_path):
    load_plugin(plugin(CRITERION.format(name="smallest")))
    (tmp_path / "other").mkdir()
    with pytest.raises(BadInput, match=r"a plugin mine .* is already loaded"):
        load_plugin(plugin(CRITERION.format(name="smaller"), "other/mine"))


def test_a_clash_names_the_plugin_that_was_first(plugin):
    load_plugin(plugin(CRITERION.format(name="smallest")))
    with pytest.raises(BadInput, match=r"'smallest' already exists, from plugin mine \(sha256:"):
        load_plugin(plugin(CRITERION.format(name="smallest"), "another"))


def test_a_run_names_the_plugin_that_it_needs_or_that_changed(plugin):
    loaded = load_plugin(plugin(ENGINE.format(id="lazy", method="prune")))
    records = plugins.as_records([loaded, None, loaded])
    assert records == [{"name": "mine", "version": loaded.version, "target": "mine.py"}]
    check_records(records, "run a")
    with pytest.raises(BadInput, match=r"run a was made with plugin mine \(sha256:0\), but sha256:"):
        check_records([records[0] | {"version": "sha256:0"}], "run a")
    with pytest.raises(
        BadInput, match=r"run a needs plugin other \(1\.0\), which is not loaded.*--plugin other"
    ):
        check_records([vars(Plugin("other", "1.0", "other"))], "run a")
    assert engine_class("lazy").id == "lazy"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plugins: [gone.py]\nengine: {id: lazy}", "gone.py does not exist"),
        ("plugins: mine.py\nengine: {id: lazy}", "write a list of modules and Python files"),
        ("engine: {id: lazy}", "unknown engine 'lazy'"),
    ],
)
def test_a_recipe_that_names_a_plugin_wrongly_leaves_nothing(registries, tmp_path, capsys, text, message):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"task: synth/sst2\n{text}\n")
    assert main(["prune", "--recipe", str(recipe), "--store", str(tmp_path / "runs")]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_run_whose_plugin_changed_is_neither_resumed_nor_shown(plugin, tmp_path, tiny_model_dir, capsys):
    text = ENGINE.format(id="lazy", method="prune").replace(
        "return bench.dense()",
        """
        from workbench.masks import topk_mask
        state = bench.dense()
        mask = topk_mask(bench.scores(state, "magnitude"), self.sparsity)
        return bench.train("level-1", state, self.training_config(1), mask)""",
    )
    path, store = plugin(text), tmp_path / "runs"
    command = [
        "prune",
        "synth/sst2",
        "--engine",
        "lazy",
        "--model",
        str(tiny_model_dir),
        "--store",
        str(store),
    ]
    command += ["--set", "dense.epochs=0.02", "--set", "distillation.mode=none", "--plugin", str(path)]
    assert main(command) == 0
    folder = capsys.readouterr().out.splitlines()[-1]

    loaded = load_plugin(path)
    for registry in plugins._registries:
        registry.discard(loaded)
    plugins._loaded.clear()
    path.write_text(text + "\n# another version\n")
    for again in (["show", folder], command):
        assert main([*again, "--plugin", str(path)]) == 2
        assert "was made with plugin mine" in capsys.readouterr().err
