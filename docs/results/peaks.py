"""The peak of memory of a short run of each engine, in a process of its own: a table of docs/performance.md.

Usage: .venv/bin/python docs/results/peaks.py [--size minilm|bert-base] [--compute MODE] [ENGINE...]

A run has the engine's own pool, batches and teacher, its dense model is fine-tuned first, and trainings have
few steps. The longest batches of an epoch come first, each after a short one, because they decide the peak.
bert-base is untrained. oBERT's Fisher blocks are estimated from few gradients, which take the same memory.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from itertools import chain
from pathlib import Path

import workbench as wb
from workbench.engines import engine_class, engine_ids
from workbench.tasks import batches

SHORTER = {"obert": {"gradients": 16}}


def longest_first(data, batch_size: int, seed: int, epoch: int) -> list:
    """The batches of an epoch: the shortest, the longest, the second shortest, and so on."""
    lengths = data.train.lengths
    order = sorted(batches(lengths, batch_size, seed, epoch), key=lambda rows: lengths[rows].max())
    in_turns = chain.from_iterable(zip(order, reversed(order), strict=True))
    return list(in_turns)[: len(order)]


def save_bert_base(folder: Path) -> str:
    """Writes an untrained encoder of bert-base's size with MiniLM's tokenizer."""
    from transformers import BertConfig, BertModel

    from workbench.models import MINILM, load_tokenizer
    from workbench.randomness import seeded_globals

    with seeded_globals("peaks", "bert-base"):
        BertModel(BertConfig()).save_pretrained(folder)
    load_tokenizer(MINILM).save_pretrained(folder)
    return str(folder)


def peak_of(spec: wb.RunSpec, compute: str) -> float:
    """The peak of this process, in GB, after a run."""
    from workbench.benchmark.measure import peak_memory
    from workbench.training.data import TaskData

    TaskData._make_epoch = longest_first
    with tempfile.TemporaryDirectory() as store:
        wb.prune(spec, store, compute=compute)
    return peak_memory() * 2**20 / 1e9


def main() -> None:
    """Prints the table, or for one engine and `--here` its figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engines", nargs="*", default=engine_ids())
    parser.add_argument("--task", default="glue/mrpc")
    parser.add_argument("--size", choices=("minilm", "bert-base"), default="minilm")
    parser.add_argument("--compute", default="auto")
    parser.add_argument("--scale", type=float, default=0.01)
    parser.add_argument("--here", metavar="MODEL")
    options = parser.parse_args()
    if options.here:
        (id,) = options.engines
        engine = engine_class(id)(**SHORTER.get(id, {}))
        model = None if options.here == "minilm" else options.here
        spec = wb.RunSpec(task=options.task, engine=engine, model=model, scale=options.scale)
        spec = replace(spec, dense=replace(spec.dense, epochs=options.scale * spec.dense.epochs))
        print(f"{peak_of(spec, options.compute):.2f}")
        return
    print("| engine | peak memory (GB) |\n| --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        model = "minilm" if options.size == "minilm" else save_bert_base(Path(folder) / "bert-base")
        for id in options.engines:
            settings = ("--task", options.task, "--compute", options.compute, "--scale", str(options.scale))
            command = [sys.executable, __file__, id, *settings, "--here", model]
            peak = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1]
            print(f"| `{id}` | {peak} |", flush=True)


if __name__ == "__main__":
    main()
