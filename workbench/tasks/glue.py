"""The nine GLUE tasks as data (Wang et al. 2019, arXiv:1804.07461).

Class numbers are those of the Hub's `nyu-mll/glue`; note that rte and wnli number theirs in opposite order.
"""

from workbench.tasks.task import Schema

_NLI = ("accuracy",)
_PAIR = ("sentence1", "sentence2")
_TWO_WAY = ("entailment", "not_entailment")

SCHEMAS: dict[str, Schema] = {
    "cola": Schema(("sentence",), ("unacceptable", "acceptable"), ("matthews",), max_length=64),
    "sst2": Schema(("sentence",), ("negative", "positive"), ("accuracy",), max_length=64),
    "mrpc": Schema(_PAIR, ("not_equivalent", "equivalent"), ("accuracy", "f1")),
    "stsb": Schema(_PAIR, (), ("pearson", "spearman")),
    "qqp": Schema(("question1", "question2"), ("not_duplicate", "duplicate"), ("accuracy", "f1")),
    "mnli": Schema(
        ("premise", "hypothesis"),
        ("entailment", "neutral", "contradiction"),
        _NLI,
        dev=("validation_matched", "validation_mismatched"),
    ),
    "qnli": Schema(("question", "sentence"), _TWO_WAY, _NLI),
    "rte": Schema(_PAIR, _TWO_WAY, _NLI),
    "wnli": Schema(_PAIR, _TWO_WAY[::-1], _NLI),
}
