"""Generated stand-ins for eight GLUE tasks: same columns, labels and metrics, no download.

Each module is a small grammar that makes a sentence together with the label that it must have. The
rows are a function of a fixed seed; none is in two splits. Scores on them compare methods with each
other; they say nothing about GLUE.
"""

import pandas as pd

from workbench.randomness import numpy_generator
from workbench.tasks.glue import SCHEMAS
from workbench.tasks.synth import sst2
from workbench.tasks.synth.draw import Draw
from workbench.tasks.task import Task

TRAIN_ROWS = 3000
DEV_ROWS = 500
GENERATORS = {"sst2": sst2.example}


def load_synth(name: str) -> Task:
    """The generated task `name`, always the same rows."""
    schema = SCHEMAS[name]
    columns = [*schema.sentences, "label"]
    seen: set[tuple[str, ...]] = set()
    splits = {}
    for split in ("train", *schema.dev):
        draw = Draw(numpy_generator("synth", name, split))
        rows = []
        while len(rows) < (TRAIN_ROWS if split == "train" else DEV_ROWS):
            row = GENERATORS[name](draw)
            if row[:-1] not in seen:
                seen.add(row[:-1])
                rows.append(row)
        splits[split] = pd.DataFrame(rows, columns=columns)
    return Task.of(f"synth/{name}", schema, splits)
