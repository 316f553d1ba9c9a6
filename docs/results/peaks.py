"""The peak of memory of a short run of each engine, in a process of its own: a table of docs/performance.md.

Usage: python docs/results/peaks.py [--size minilm|bert-base] [--compute MODE] [--steps N] [ENGINE...]

A run has the engine's own pool, batches and teacher, its dense model is fine-tuned first, and trainings have
few steps. The longest batches of an epoch come first, each after a short one, because they decide the peak.
With --steps a run ends after so many steps of its pruning, and is validated on the 64 longest examples: two
steps are the shortest and the longest batch. bert-base is untrained. oBERT's Fisher blocks are
estimated from few gradients, which take the same memory.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

import workbench as wb
from workbench.engines import engine_class, engine_ids
from workbench.tasks import batches
from workbench.training.data import TaskData
from workbench.training.evaluation import EvaluationSet
from workbench.training.trainer import MaskedTrainer

SHORTER = {"obert": {"gradients": 16, "max_memory_gb": 64}}
EVALUATED = 64


class Enough(BaseException):
    """The run has taken the steps that were asked for."""


class StepClock:
    """Replaces the trainer's step by one that takes its CPU time and counts those of the pruning."""

    def __init__(self, most: int | None):
        self.tokens, self.seconds = 0, 0.0
        self._left = most
        self._advance = MaskedTrainer.advance
        MaskedTrainer.advance = lambda trainer, batch: self._take(trainer, batch)

    def _take(self, trainer: MaskedTrainer, batch: dict) -> float | None:
        if self._left == 0:
            raise Enough
        if "dense" in trainer._key:
            return self._advance(trainer, batch)
        if self._left is not None:
            self._left -= 1
        before = time.process_time()
        loss = self._advance(trainer, batch)
        if batch["input_ids"].numel() > self.tokens:
            self.tokens, self.seconds = batch["input_ids"].numel(), time.process_time() - before
        return loss


def longest_first(data, batch_size: int, seed: int, epoch: int) -> list:
    """The batches of an epoch: the shortest, the longest, the second shortest, and so on."""
    lengths = data.train.lengths
    order = sorted(batches(lengths, batch_size, seed, epoch), key=lambda rows: lengths[rows].max())
    in_turns = chain.from_iterable(zip(order, reversed(order), strict=True))
    return list(in_turns)[: len(order)]


def evaluated(data: TaskData, examples: int | None) -> EvaluationSet:
    """The longest examples of the validation split."""
    return EvaluationSet(data.validation, np.argsort(data.validation.lengths, kind="stable")[-EVALUATED:])


def save_bert_base(folder: Path) -> str:
    """Writes an untrained encoder of bert-base's size with MiniLM's tokenizer."""
    from transformers import BertConfig, BertModel

    from workbench.models import MINILM, load_tokenizer
    from workbench.randomness import seeded_globals

    with seeded_globals("peaks", "bert-base"):
        BertModel(BertConfig()).save_pretrained(folder)
    load_tokenizer(MINILM).save_pretrained(folder)
    return str(folder)


def peak_of(spec: wb.RunSpec, store: str, compute: str, steps: int | None) -> str:
    """The peak of this process, in GB, during a run, and the CPU seconds of the step with most tokens."""
    from workbench.benchmark.measure import peak_memory

    TaskData._make_epoch = longest_first
    if steps:
        TaskData._make_evaluation = evaluated
    watch = StepClock(steps)
    with suppress(Enough):
        wb.prune(spec, store, compute=compute)
    return f"{peak_memory() * 2**20 / 1e9:.2f} | {watch.tokens:,} | {watch.seconds:.1f}"


def main() -> None:
    """Prints the table, or for one engine and `--here` the rest of its row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engines", nargs="*", default=[id for id in engine_ids() if id != "ticket"])
    parser.add_argument("--task", default="glue/mrpc")
    parser.add_argument("--size", choices=("minilm", "bert-base"), default="minilm")
    parser.add_argument("--compute", default="auto")
    parser.add_argument("--scale", type=float, default=0.01)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--here", nargs=2, metavar=("MODEL", "STORE"))
    options = parser.parse_args()
    if options.here:
        (id,), (model, store) = options.engines, options.here
        engine = engine_class(id)(**SHORTER.get(id, {}))
        # Enough for the steps, in stages of an epoch.
        scale = 0.02 * options.steps if options.steps else options.scale
        spec = wb.RunSpec(
            task=options.task, engine=engine, model=None if model == "minilm" else model, scale=scale
        )
        spec = replace(spec, dense=replace(spec.dense, epochs=options.scale * spec.dense.epochs))
        print(peak_of(spec, store, options.compute, options.steps))
        return
    print("| engine | peak memory (GB) | tokens | CPU seconds of that step |")
    print("| --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        model = "minilm" if options.size == "minilm" else save_bert_base(Path(folder) / "bert-base")
        for id in options.engines:
            settings = ["--task", options.task, "--compute", options.compute, "--scale", str(options.scale)]
            settings += ["--steps", str(options.steps)] if options.steps else []
            # Each has a store of its own, so that each fine-tunes its dense model.
            command = [sys.executable, __file__, id, *settings, "--here", model, f"{folder}/{id}"]
            row = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            print(f"| `{id}` | {row.splitlines()[-1]} |", flush=True)


if __name__ == "__main__":
    main()
