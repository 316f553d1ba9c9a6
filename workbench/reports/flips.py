"""Two runs on the same examples, in words and tables."""

import pandas as pd

from workbench.analysis.flips import TARGETS, TIED, SignTest
from workbench.errors import BadInput
from workbench.figures.flips import MOST_POINTS
from workbench.runs import Run, RunSpec
from workbench.tasks import Task, load_task

NO_FLIPS = "There are no examples on which only one of the two does better."
NO_PAIR = (
    "There are no two runs of one task that kept their predictions, so there is no pair to compare. "
    "`workbench prune` with another --engine, --sparsity or --seed makes a second run."
)


def run_label(name: str, spec: RunSpec) -> str:
    """The name of a run in a list to choose from: task, engine, sparsity, seed, and the end of its name."""
    return f"{spec.task}, {spec.engine.id}, {100 * spec.engine.sparsity:g} %, seed {spec.seed} (…{name[-4:]})"


def agreement(table: pd.DataFrame, test: SignTest, first: Run, second: Run) -> list[str]:
    """Which runs are compared, how often they agree, the flips in both directions, and the exact test.

    Args:
        table: `analysis.flips.outcomes` of the two runs.
        test: `analysis.flips.sign_test` of it.
        first: the first run.
        second: the second run.
    """
    labels = [run_label(run.name, run.spec) for run in (first, second)]
    paragraphs = [f"First: {labels[0]}. Second: {labels[1]}.", _counts(table, test), _test_result(test)]
    if len(table) > MOST_POINTS:
        paragraphs.append(
            f"The figure shows one in {-(-len(table) // MOST_POINTS)} examples, evenly spaced in the split."
        )
    return paragraphs


def outcome_table(table: pd.DataFrame) -> pd.DataFrame:
    """The number of dev examples with each outcome."""
    counts = table["outcome"].value_counts(sort=False).sort_index()
    shares = [f"{100 * count / len(table):.1f} %" for count in counts]
    return pd.DataFrame({"outcome": counts.index, "dev_examples": counts.to_numpy(), "share": shares})


def task_with_examples(run: Run) -> tuple[Task | None, list[str]]:
    """The task of a run with its sentences; None and an explanation if they are not available here."""
    try:
        return load_task(run.spec.task), []
    except BadInput as error:
        return None, [f"The table has no sentences, because they are not available here: {error}"]


def _counts(table: pd.DataFrame, test: SignTest) -> str:
    examples = f"{len(table):,} dev examples"
    if table["outcome"].isin([*TARGETS.values(), TIED]).any():
        return f"Of {examples}, the first is nearer on {test.first:,} and the second on {test.second:,}."
    same = int((table["first"] == table["second"]).sum())
    return (
        f"Of {examples}, the two agree on {same:,} ({100 * same / len(table):.1f} %). Flips: {test.first:,} "
        f"that only the first gets right, {test.second:,} that only the second gets right."
    )


def _test_result(test: SignTest) -> str:
    p = "p < 0.0001" if test.p_value < 1e-4 else f"p = {test.p_value:.4f}"
    return (
        f"Exact two-sided sign test (for classes, McNemar's test): {p}. It tests whether these two models "
        "differ on examples like these. If the pair was chosen because it differs, the p-value is too small. "
        "It does not compare the engines, which would take several seeds."
    )
