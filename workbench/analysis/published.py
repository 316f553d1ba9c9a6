"""Published figures, for orientation only: BERT-base, other recipes, dev sets.

They are never mixed with ours: plots draw them in a separate style and label them. Each was read in the
source beside it; figures whose source does not name the metric are left out. All are for unstructured
pruning, or for the dense model of the same source.
"""

import pandas as pd

_SPARSEBERT = "Xu et al. 2021 (SparseBERT), slides p. 8"
_SPARSEBERT_CODE = "Xu et al. 2021 (SparseBERT), README of the code"
_TICKETS = "Chen et al. 2020, quoted by Na et al. 2022, Table 5"
_MOVEMENT = "Sanh et al. 2020, Tables 2 and 3, with distillation"

# Task, metric, method, share of the prunable weights kept, value, source. MNLI: matched.
_FIGURES = [
    ("cola", "matthews", "dense", 1.0, 0.563, _SPARSEBERT),
    ("cola", "matthews", "IMP, rewound", 0.5, 0.538, _TICKETS),
    ("cola", "matthews", "SparseBERT", 0.05, 0.521, _SPARSEBERT),
    ("sst2", "accuracy", "dense", 1.0, 0.921, _TICKETS),
    ("sst2", "accuracy", "IMP, rewound", 0.4, 0.919, _TICKETS),
    ("mrpc", "accuracy", "dense", 1.0, 0.8676, _SPARSEBERT_CODE),
    ("mrpc", "accuracy", "SparseBERT", 0.05, 0.8627, _SPARSEBERT_CODE),
    ("mrpc", "f1", "dense", 1.0, 0.9078, _SPARSEBERT_CODE),
    ("mrpc", "f1", "SparseBERT", 0.05, 0.9054, _SPARSEBERT_CODE),
    ("qqp", "accuracy", "dense", 1.0, 0.914, _MOVEMENT),
    ("qqp", "accuracy", "magnitude", 0.1, 0.798, _MOVEMENT),
    ("qqp", "accuracy", "soft movement", 0.1, 0.902, _MOVEMENT),
    ("qqp", "accuracy", "magnitude", 0.03, 0.724, _MOVEMENT),
    ("qqp", "accuracy", "soft movement", 0.03, 0.891, _MOVEMENT),
    ("qqp", "f1", "dense", 1.0, 0.884, _MOVEMENT),
    ("qqp", "f1", "magnitude", 0.1, 0.650, _MOVEMENT),
    ("qqp", "f1", "soft movement", 0.1, 0.868, _MOVEMENT),
    ("qqp", "f1", "magnitude", 0.03, 0.578, _MOVEMENT),
    ("qqp", "f1", "soft movement", 0.03, 0.855, _MOVEMENT),
    ("mnli", "accuracy", "dense", 1.0, 0.845, _MOVEMENT),
    ("mnli", "accuracy", "magnitude", 0.1, 0.783, _MOVEMENT),
    ("mnli", "accuracy", "soft movement", 0.1, 0.812, _MOVEMENT),
    ("mnli", "accuracy", "magnitude", 0.03, 0.694, _MOVEMENT),
    ("mnli", "accuracy", "soft movement", 0.03, 0.795, _MOVEMENT),
    ("qnli", "accuracy", "dense", 1.0, 0.918, _SPARSEBERT),
    ("qnli", "accuracy", "RPP", 0.116, 0.880, _SPARSEBERT),
    ("qnli", "accuracy", "SparseBERT", 0.05, 0.906, _SPARSEBERT),
    ("rte", "accuracy", "dense", 1.0, 0.693, _SPARSEBERT),
    ("rte", "accuracy", "RPP", 0.116, 0.675, _SPARSEBERT),
    ("rte", "accuracy", "SparseBERT", 0.05, 0.691, _SPARSEBERT),
]
_COLUMNS = ["task", "metric", "method", "kept_share", "value", "source"]


def published_for(task: str) -> pd.DataFrame:
    """The published figures for a task id; none for a generated task.

    Returns:
        columns metric, method, kept_share (of the prunable weights, in (0, 1]), value, source.
    """
    source, _, name = task.partition("/")
    table = pd.DataFrame(_FIGURES, columns=_COLUMNS)
    return table[(table["task"] == name) & (source == "glue")].drop(columns="task").reset_index(drop=True)
