"""Runs: what they are, how they are carried out and resumed, and how they are read."""

from workbench.runs.prune import prune
from workbench.runs.run import Candidate, Run, runs_in
from workbench.runs.spec import FineTuning, RunSpec

__all__ = ["Candidate", "FineTuning", "Run", "RunSpec", "prune", "runs_in"]
