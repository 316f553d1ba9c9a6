"""Parts of a page on one task and model, which several notebooks have: figures with what is said of them."""

from collections.abc import Sequence

import pandas as pd

from workbench import analysis, figures
from workbench.figures import show
from workbench.reports import blocks
from workbench.reports import comparison as words
from workbench.reports.prose import published_note
from workbench.runs import Run


def quality(rows: pd.DataFrame, key: str) -> None:
    """A metric against sparsity, and every engine's scores.

    Args:
        rows: `analysis.comparison_table` of one task and model.
        key: of the figure.
    """
    summary, published = analysis.summary_table(rows), analysis.published_for(rows["task"].iloc[0])
    show(figures.metric_by_sparsity(rows, summary, published), key)
    blocks.say(*published_note(published))
    blocks.table(words.scores(rows, summary))


def differences(pairs: pd.DataFrame, baseline: str, key: str) -> None:
    """Engines minus a baseline, with intervals.

    Args:
        pairs: `analysis.paired_differences` of one task and model, at equal steps.
        baseline: its label.
        key: of the figure.
    """
    show(figures.difference_intervals(pairs, baseline), key)
    blocks.table(words.differences(pairs))


def costs(runs: Sequence[Run], rows: pd.DataFrame) -> None:
    """What engines took and left (arguments as in `analysis.cost_by_engine`)."""
    blocks.table(words.costs(analysis.cost_by_engine(runs, rows)))


def overlap(runs: Sequence[Run], rows: pd.DataFrame, key: str) -> None:
    """What final masks have in common, at the highest sparsity that most engines reached."""
    rows = analysis.hardest(rows)
    blocks.say(words.chance_overlap(rows["sparsity"].iloc[0]))
    show(figures.overlap_heatmap(analysis.mask_overlap(runs, rows), "engine"), key)


def profiles(runs: Sequence[Run], rows: pd.DataFrame, keys: tuple[str, str]) -> None:
    """What final masks remove from each layer and from each type of matrix, at the same sparsity.

    Args:
        runs: complete ones.
        rows: `analysis.comparison_table` of one task and model.
        keys: of the two figures.
    """
    rows = analysis.hardest(rows)
    layers, types = (analysis.sparsity_by_engine(runs, rows, by) for by in ("layer", "type"))
    show(figures.engine_heatmap(layers, "layer (number)"), keys[0])
    show(figures.engine_heatmap(types, "type of matrix"), keys[1])
