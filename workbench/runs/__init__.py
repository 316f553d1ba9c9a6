"""Runs: what they are, how they are carried out and resumed, and how they are read."""

from workbench.runs.launch import prune
from workbench.runs.run import Candidate, Run, dev_name, find_run, runs_in
from workbench.runs.spec import FineTuning, RunSpec

__all__ = ["Candidate", "FineTuning", "Run", "RunSpec", "dev_name", "find_run", "prune", "runs_in"]
