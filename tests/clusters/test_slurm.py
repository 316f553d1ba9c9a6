"""Grids on SLURM: what sbatch is given, arrays on a stand-in, requeues by submitit's local executor."""

import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.execution import prune
from workbench.runs import Run
from workbench.sweeps import Cell, SlurmExecutor, Sweep, executor, on_slurm
from workbench.training import Distillation

submitit = pytest.importorskip("submitit", reason="the extra [slurm] is missing; `make test-ray` installs it")

NONE = Distillation(mode="none")
# sbatch starts all jobs of an array at once; srun runs the command behind its options.
COMMANDS = {
    "sbatch": """
[ -e "$(dirname "$0")/refused" ] && { echo 'sbatch: error: invalid partition specified' >&2; exit 1; }
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)%.*/\\1/p' "$1")
export SLURM_ARRAY_JOB_ID=7 SLURM_JOB_ID=7
for task in $(seq 0 "$last"); do SLURM_ARRAY_TASK_ID=$task setsid bash "$1" </dev/null >/dev/null 2>&1 & done
echo "Submitted batch job 7"
""",
    "srun": 'while [ "${1#--}" != "$1" ]; do [ "$1" = --unbuffered ] || shift; shift; done\nexec "$@"',
    "sacct": "exit 1",
}


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A stand-in for SLURM's commands, first on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in COMMANDS.items():
        (folder / name).write_text(f"#!/bin/bash\n{text}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(on_slurm, "_POLL_SECONDS", 0.1)
    return folder


@pytest.fixture
def spec(spec_of):
    return spec_of(Magnitude(sparsity=0.8, epochs=4.0, eval_every=10, distillation=NONE), scale=0.1)


def test_sbatch_is_given_what_was_asked_for(slurm, tmp_path):
    asked = ["partition=gpu", "time=90", "constraint=h100", "signal_delay_s=120"]
    made = executor("slurm", 5, cpus=4, gpus=2.0, memory=7.5, slurm=asked)
    text = made._made(tmp_path / "jobs")._make_submission_file_text("command", "id")
    flags = dict(re.findall(r"^#SBATCH --([\w-]+)=(.*)$", text, re.MULTILINE))
    expected = {
        "partition": "gpu",
        "time": "90",
        "constraint": "h100",
        "cpus-per-task": "4",
        "gpus-per-node": "2",
        "mem": "7680MB",
        "signal": "USR2@120",
        "nodes": "1",
        "job-name": "workbench",
    }
    assert expected.items() <= flags.items()
    assert made.jobs == 5


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "needs a time limit"),
        ({"slurm": ["time=1:00"]}, "whole number of minutes"),
        ({"slurm": ["time=60", "particion=gpu"]}, "Did you mean partition"),
        ({"slurm": ["time=60", "mem=4GB"]}, "follows from --cpus, --gpus and --memory"),
        ({"slurm": ["time"]}, "has no value"),
        ({"slurm": ["time=60"], "gpus": 0.5}, "whole ones"),
        ({"slurm": ["time=60"], "cpus": 0}, "cpus is 0"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(slurm, options, told):
    with pytest.raises(BadInput, match=told):
        executor("slurm", **options)


def test_a_machine_without_slurm_is_refused(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BadInput, match="no srun"):
        executor("slurm", slurm=["time=60"])


def test_a_grid_is_one_array_with_the_bits_of_one_process(slurm, spec, tmp_path):
    cells = [Cell("magnitude", replace(spec, seed=seed)) for seed in range(3)]
    Sweep(cells, tmp_path / "serial").run()
    Sweep(cells, tmp_path / "slurm", executor("slurm", slurm=["time=60"])).run()
    assert len(list((tmp_path / "slurm" / "logs" / "submissions").glob("*_submission.sh"))) == 1
    for cell in cells:
        one, other = (Run(tmp_path / store / cell.name) for store in ("serial", "slurm"))
        assert one.mask() == other.mask()
        assert one.results["dev"] == other.results["dev"]
        assert one.folder.model_weights.read_bytes() == other.folder.model_weights.read_bytes()


def test_what_sbatch_refuses_is_bad_input(slurm, spec, tmp_path):
    (slurm / "refused").touch()
    with pytest.raises(BadInput, match="invalid partition"):
        Sweep([Cell("magnitude", spec)], tmp_path, executor("slurm", slurm=["time=60"])).run()


class Local(SlurmExecutor):
    """Jobs without an array, on this machine; a job's time limit is in its first parameter."""

    minutes = 600

    def _made(self, folder):
        made = submitit.LocalExecutor(folder, max_num_timeout=self._request.retries)
        made.update_parameters(timeout_min=self.minutes)
        return made


def announce_the_end(executor: Local, folder: Path) -> None:
    """Sends what SLURM sends before it ends a job, once the run trains."""
    while not (folder / "events.jsonl").exists():
        assert not list(executor.ended())
        time.sleep(0.05)
    (job,) = executor._under_way.values()
    (task,) = psutil.Process(job._process.pid).children()
    task.send_signal(signal.SIGUSR2)


def outcome(executor: Local):
    """How the only run ended."""
    while not (exits := executor.ended()):
        pass
    return exits[0]


def test_a_job_that_gives_way_is_queued_again_and_resumes(slurm, spec, tmp_path):
    made = Local(slurm=["time=600"])
    made.start(spec, tmp_path / "slurm")
    announce_the_end(made, tmp_path / "slurm" / spec.name)
    assert outcome(made).code == 0
    log = (tmp_path / "slurm" / "logs" / f"{spec.name}.log").read_text()
    assert "interrupted. What was done is kept" in log
    one = prune(spec, tmp_path / "serial")
    other = Run(tmp_path / "slurm" / spec.name)
    assert one.mask() == other.mask()
    assert one.folder.model_weights.read_bytes() == other.folder.model_weights.read_bytes()


def test_a_run_that_always_reaches_its_time_limit_can_be_resumed(slurm, spec, tmp_path, monkeypatch):
    made = Local(slurm=["time=1"], retries=0)
    made.minutes = 0.9  # submitit counts a job's last ten minutes as its time limit
    long = replace(spec, engine=replace(spec.engine, epochs=1e5))
    made.start(long, tmp_path)
    announce_the_end(made, tmp_path / long.name)
    exit = outcome(made)
    assert (exit.code, "time limit too often" in exit.reason) == (3, True)
