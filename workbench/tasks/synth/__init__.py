"""Generated substitutes for eight GLUE tasks: same columns, labels and metrics, no download.

Each module is a small grammar that generates a text together with its correct label. The rows depend only on
a fixed seed, and no row is in two splits. Scores on these tasks are for comparing methods with each other;
they say nothing about GLUE.
"""

from collections.abc import Callable

import pandas as pd

from workbench.randomness import numpy_generator
from workbench.tasks.glue import SCHEMAS
from workbench.tasks.synth import cola, mnli, mrpc, qnli, qqp, rte, sst2, stsb
from workbench.tasks.synth.draw import Draw
from workbench.tasks.task import Task

TRAIN_ROWS = 3000
DEV_ROWS = 500
GENERATORS: dict[str, Callable[[Draw], tuple]] = {
    "cola": cola.example,
    "sst2": sst2.example,
    "mrpc": mrpc.example,
    "stsb": stsb.example,
    "qqp": qqp.example,
    "mnli": mnli.example,
    "qnli": qnli.example,
    "rte": rte.example,
}


def load_synth(name: str) -> Task:
    """Generates a task, always with the same rows."""
    schema = SCHEMAS[name]
    seen: set[tuple[str, ...]] = set()
    splits = {}
    for split in ("train", *schema.dev):
        generate = mnli.mismatched if split == "validation_mismatched" else GENERATORS[name]
        draw = Draw(numpy_generator("synth", name, split))
        rows = []
        while len(rows) < (TRAIN_ROWS if split == "train" else DEV_ROWS):
            row = generate(draw)
            if row[:-1] not in seen:
                seen.add(row[:-1])
                rows.append(row)
        frame = pd.DataFrame(rows, columns=[*schema.inputs, "label"])
        splits[split] = frame.astype({"label": "float32" if schema.is_regression else "int64"})
    return Task.of(f"synth/{name}", schema, splits)
