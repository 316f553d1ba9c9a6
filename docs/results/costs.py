"""What a run costs each engine, beside fine-tuning the dense model: the table of docs/performance.md.

Usage: .venv/bin/python docs/results/costs.py [TASK] [ENGINE...]

The steps are those of a whole run with the engine's own settings, counted without training. The seconds of a
step are measured in a shortened run, stage by stage, so that each level has the speed of its own sparsity.
Evaluations are left out. Peak memory is that of the process in the shortened run, which has the engine's own
pool, batches and teacher; it is read where Linux tells it. It takes about half an hour for all engines on two
cores.
"""

import sys
import tempfile
from dataclasses import replace
from operator import add
from statistics import mean

from stopwatch import Stopwatch

import workbench as wb
from workbench.benchmark.measure import forget_peak, peak_memory
from workbench.engines import engine_class, engine_ids
from workbench.engines.gradual import GradualEngine
from workbench.execution.dry_run import DryRunBench
from workbench.execution.preparation import prepared

Seconds = dict[str, list[float]]
SCALE, WARM_UP = 0.04, 2
# Shorter, so that thirteen levels of four particles, and two runs of oBERT, take minutes.
SHORTER = {"swamp": 0.006, "obert": 0.02}
# All but the engine that needs the mask of another run.
ALONE = [id for id in engine_ids() if id != "ticket"]
# oBERT's shortened runs prune three times. The time of a pruning is linear in the number of its gradients.
FEW, MORE = ({"prunings_per_epoch": 0.3, "gradients": gradients} for gradients in (8, 24))
watch = Stopwatch()


class CountingBench(DryRunBench):
    """Counts the steps of each stage, those of candidates and particles together."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.steps_of: dict[str, int] = {}

    def train(self, stage, state, config, mask=None):
        """Counts one training."""
        self.steps_of[str(stage)] = config.steps
        return super().train(stage, state, config, mask)

    def average(self, stage, state, config, mask, particles):
        """Counts every particle."""
        self.steps_of[str(stage)] = particles * config.steps
        return super().average(stage, state, config, mask, particles)

    def race(self, stage, state, pool, config, rules):
        """Counts the candidates."""
        before = self.total
        mask = super().race(stage, state, pool, config, rules)
        self.steps_of[str(stage)] = self.total - before
        return mask


def peak() -> str:
    """The peak of resident memory since `forget_peak`, in GB."""
    return "unknown" if sys.platform != "linux" else f"{peak_memory() * 2**20 / 1e9:.1f}"


def whole_run(spec: wb.RunSpec) -> dict[str, int]:
    """The steps of each stage at the spec's own length."""
    loaded = prepared(spec)
    bench = CountingBench(spec, loaded.data, loaded.student, loaded.given)
    spec.engine.prune(bench)
    return bench.steps_of


def shortened(spec: wb.RunSpec, store: str) -> tuple[Seconds, Seconds]:
    """The seconds of steps and of choices of masks in a run that is shorter by `SCALE`, by stage."""
    watch.forget()
    wb.prune(replace(spec, scale=SHORTER.get(spec.engine.id, SCALE)), store)
    return tuple(
        {stage: list(own) for stage, own in seconds.items()} for seconds in (watch.steps, watch.choices)
    )


def warm(seconds: list[float]) -> float:
    """The mean without the first steps."""
    return mean(seconds[WARM_UP if len(seconds) > 2 * WARM_UP else 0 :])


def pruning_seconds(choices: Seconds) -> float:
    """The mean of those choices of a gradual engine that made a mask."""
    return mean(seconds for seconds in choices["level-1"] if seconds > 1e-3)


def cost(task: str, id: str, store: str) -> tuple[int, float]:
    """The optimizer steps of a whole run, and its seconds."""
    spec = wb.RunSpec(task=task, engine=engine_class(id)())
    counts = whole_run(spec)
    if not isinstance(spec.engine, GradualEngine):
        steps, choices = shortened(spec, store)
        each = {stage: warm(list(map(add, steps[stage], choices[stage]))) for stage in counts}
        return sum(counts.values()), sum(count * each[stage] for stage, count in counts.items())
    few = replace(spec, engine=replace(spec.engine, **FEW)) if id == "obert" else spec
    steps, choices = shortened(few, store)
    pruning = pruning_seconds(choices)
    if id == "obert":
        more = replace(spec, engine=replace(spec.engine, **MORE))
        added = MORE["gradients"] - FEW["gradients"]
        gradient = (pruning_seconds(shortened(more, store)[1]) - pruning) / added
        pruning += (spec.engine.gradients - FEW["gradients"]) * gradient
    (count,) = counts.values()
    return count, count * warm(steps["level-1"]) + len(spec.engine.plan(count)) * pruning


def dense(task: str, store: str) -> tuple[int, float]:
    """The optimizer steps of the dense model, and its seconds."""
    watch.forget()
    wb.prune(wb.RunSpec(task=task, engine=wb.Magnitude(total_steps=1)), store)
    return len(watch.steps["dense"]), sum(watch.steps["dense"])


if __name__ == "__main__":
    task, engines = (*sys.argv, "glue/mrpc")[1], sys.argv[2:] or ALONE
    with tempfile.TemporaryDirectory() as store:
        forget_peak()
        steps, seconds = dense(task, store)
        print("| engine | optimizer steps | minutes | times dense fine-tuning | peak memory (GB) |")
        print("| --- | --- | --- | --- | --- |")
        print(f"| dense fine-tuning | {steps:,} | {seconds / 60:.1f} | 1 | {peak()} |", flush=True)
        for id in engines:
            forget_peak()
            own_steps, own = cost(task, id, store)
            row = f"| `{id}` | {own_steps:,} | {own / 60:.1f} | {own / seconds:.1f} | {peak()} |"
            print(row, flush=True)
