"""Two runs on the same examples, in words."""

import pandas as pd

from workbench.analysis import SignTest
from workbench.analysis.flips import TARGETS
from workbench.errors import BadInput
from workbench.figures.flips import MOST_POINTS
from workbench.runs import Run, RunSpec
from workbench.tasks import Task, load_task

NO_FLIPS = "There is no example on which one of the two does better."
NO_PAIR = (
    "No two runs of one task kept their predictions, so there is no pair to look at. `workbench prune` with "
    "another --engine, --sparsity or --seed makes a second run."
)


def run_label(name: str, spec: RunSpec) -> str:
    """A run for a list to choose from: task, engine, sparsity, seed, and the end of its name."""
    return f"{spec.task}, {spec.engine.id}, {100 * spec.engine.sparsity:g} %, seed {spec.seed} (…{name[-4:]})"


def agreement(table: pd.DataFrame, test: SignTest, first: Run, second: Run) -> list[str]:
    """Who is compared, how often they agree, the flips in both directions and the exact test of them.

    Args:
        table: `analysis.outcomes` of the two runs.
        test: `analysis.sign_test` of it.
        first: the first run.
        second: the second run.
    """
    names = {side: run_label(run.name, run.spec) for side, run in (("first", first), ("second", second))}
    told = [f"First: {names['first']}. Second: {names['second']}.", _counts(table, test), _tested(test)]
    if len(table) > MOST_POINTS:
        told.append(f"The picture shows one example in {-(-len(table) // MOST_POINTS)}, evenly spaced.")
    return told


def outcome_table(table: pd.DataFrame) -> pd.DataFrame:
    """How many dev examples have each outcome, for reading."""
    counts = table["outcome"].value_counts(sort=False).sort_index()
    shares = [f"{100 * count / len(table):.1f} %" for count in counts]
    return pd.DataFrame({"outcome": counts.index, "dev_examples": counts.to_numpy(), "share": shares})


def examples_of(run: Run) -> tuple[Task | None, list[str]]:
    """The task of a run with its sentences; None and a word on it where they cannot be had here."""
    try:
        return load_task(run.spec.task), []
    except BadInput as error:
        return None, [f"The sentences are not here, so the table has numbers alone: {error}"]


def _counts(table: pd.DataFrame, test: SignTest) -> str:
    examples = f"{len(table):,} dev examples"
    if table["outcome"].isin([*TARGETS.values(), "equally near"]).any():
        return f"Of {examples} the first is nearer on {test.first:,}, the second on {test.second:,}."
    same = int((table["first"] == table["second"]).sum())
    return (
        f"Of {examples} the two say the same of {same:,} ({100 * same / len(table):.1f} %). Flips: "
        f"{test.first:,} that only the first gets right, {test.second:,} that only the second gets right."
    )


def _tested(test: SignTest) -> str:
    p = "p below 0.0001" if test.p_value < 1e-4 else f"p = {test.p_value:.4f}"
    return (
        f"Exact sign test (of classes: McNemar's), two-sided: {p}. It asks whether these two models "
        "differ on examples like these, and is too small for a pair that was picked for its difference. Of "
        "their engines it says nothing: that takes several seeds."
    )
