"""The executor `slurm`: runs are the jobs of SLURM job arrays, submitted with submitit.

Shortly before its time limit, or when it is preempted, a job gets a signal. Its run then stops, and the job
is requeued and resumes from the last checkpoint, which is at most 30 seconds of training old.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from workbench.clusters.agent import Agent
from workbench.clusters.request import Request
from workbench.errors import BadInput, unknown
from workbench.extras import check_extra
from workbench.runs.layout import Store
from workbench.runs.spec import RunSpec
from workbench.sweeps.cluster import ClusterExecutor
from workbench.sweeps.executors import add_executor

# SLURM's own limit of an array, MaxArraySize, is usually 1001.
_MOST = 1000
_POLL_SECONDS = 5.0
_TIMED_OUT = "timed-out too many times"  # submitit's words
# What this executor sets itself, from options that other executors share.
_TAKEN = ("cpus_per_task", "gpus_per_node", "mem", "nodes", "ntasks_per_node", "stderr_to_stdout")


class SlurmExecutor(ClusterExecutor):
    """Runs on a SLURM cluster, submitted from one of its machines.

    Args:
        jobs: largest number of jobs in the queue; None for a thousand.
        cpus, gpus, memory: the resources of each run (`Request`).
        retries: how often a run is restarted after its process or node died, and how often it is requeued
            after its time limit. Preemptions are not counted.
        slurm: NAME=VALUE, parameters of `sbatch` under submitit's names; `time`, in minutes, is required.

    Raises:
        BadInput: submitit is not installed, this machine has no SLURM, or a parameter is unknown or missing.
    """

    def __init__(
        self,
        jobs: int | None = None,
        cpus: int = 1,
        gpus: float = 0.0,
        memory: float | None = None,
        retries: int = 3,
        slurm: Sequence[str] = (),
    ):
        super().__init__(jobs or _MOST, Request(cpus=cpus, gpus=gpus, memory=memory, retries=retries))
        if gpus != int(gpus):
            raise BadInput(f"--gpus {gpus:g} is a share of a GPU; SLURM gives whole ones to a run.")
        check_extra("slurm", "the executor slurm")
        self._parameters = self._checked(dict(map(_parameter, slurm)))
        self._submitter: Any = None
        self._waiting: list[tuple[str, Agent]] = []
        self._under_way: dict[str, Any] = {}

    def start(self, spec: RunSpec, store: Path) -> None:
        """Holds a run until `ended` submits all of them as one array."""
        if self._submitter is None:
            self._submitter = self._made(Store(Path(store).resolve()).submissions)
        super().start(spec, store)

    def stop(self) -> None:
        """Cancels all jobs; their last checkpoints are kept."""
        for job in self._under_way.values():
            job.cancel(check=False)
        self._waiting.clear()
        self._under_way.clear()

    def _submit(self, name: str, agent: Agent) -> None:
        self._waiting.append((name, agent))

    def _outcomes(self) -> Iterator[tuple[str, tuple[int | None, str]]]:
        self._submit_waiting()
        ended = [name for name, job in self._under_way.items() if job.done()]
        if self._under_way and not ended:
            time.sleep(_POLL_SECONDS)
        for name in ended:
            job = self._under_way.pop(name)
            yield name, self._outcome(job)

    def _outcome(self, job: Any) -> tuple[int | None, str]:
        from submitit.core.utils import FailedJobError, UncompletedJobError

        try:
            return job.result()
        except FailedJobError as error:
            if _TIMED_OUT in str(error):
                return 3, (
                    f"its job {job.job_id} reached the time limit too often. Run the same command to resume, "
                    "with more --slurm time or --retries"
                )
            return 1, f"its job {job.job_id} failed; see {job.paths.stderr}"
        except UncompletedJobError:
            cancelled = job.state.startswith("CANCELLED")
            return 3 if cancelled else None, f"its job {job.job_id} ended in state {job.state}"

    def _submit_waiting(self) -> None:
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), _MOST):
            names, batch = zip(*waiting[first : first + _MOST], strict=True)
            try:
                jobs = self._submitter.submit_array(batch)
            except (FailedJobError, FailedSubmissionError) as error:
                reason = " ".join(str(error).split())
                raise BadInput(
                    f"sbatch refuses the runs: {reason}. Change --slurm, or what they ask for."
                ) from error
            self._under_way |= zip(names, jobs, strict=True)

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        from submitit import SlurmExecutor as Submitter

        if Submitter.affinity() < 0:
            raise BadInput(
                "this machine has no SLURM (no srun on its PATH). Run the command on a login node of the "
                "cluster, or choose another executor."
            )
        known = Submitter._valid_parameters() - {*_TAKEN, "num_gpus"}
        for name in given:
            if name in _TAKEN:
                raise BadInput(
                    f"--slurm {name} follows from --cpus, --gpus and --memory; give those instead."
                )
            if name not in known:
                raise unknown("parameter of --slurm", name, known)
        if not given.get("time"):
            raise BadInput("SLURM needs a time limit for a run: --slurm time=60, in whole minutes.")
        request = self._request
        asked = {"cpus_per_task": request.cpus, "job_name": "workbench"}
        asked |= {"gpus_per_node": int(request.gpus)} if request.gpus else {}
        asked |= {"mem": f"{round(request.memory * 1024)}MB"} if request.memory else {}
        return asked | given

    def _made(self, folder: Path) -> Any:
        """The submitter of jobs, with a folder for job files in the store."""
        from submitit import SlurmExecutor as Submitter

        submitter = Submitter(folder, max_num_timeout=self._request.retries)
        submitter.update_parameters(**self._parameters)
        return submitter


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"--slurm {text} has no value; write --slurm NAME=VALUE.")
    if name == "time" and not value.isdigit():  # YAML reads 1:30 as 90
        raise BadInput(f"--slurm {text} is not a whole number of minutes, such as --slurm time=90.")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise BadInput(f"--slurm {text} is not a YAML value. Write a number, a word or a [list].") from error


add_executor("slurm", SlurmExecutor)
