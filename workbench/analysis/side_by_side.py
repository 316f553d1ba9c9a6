"""The final masks of engines beside each other: what they have in common, and where their zeros are."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from math import prod
from typing import Literal

import pandas as pd

from workbench.masks import Mask, layer_index, matrix_type, overlap
from workbench.runs import Run

_GROUPS: dict[str, Callable[[str], object]] = {"layer": layer_index, "type": matrix_type}


def mask_overlap(runs: Sequence[Run], table: pd.DataFrame) -> pd.DataFrame:
    """Jaccard indices of the engines' final masks, each pair's a mean over the seeds that both have.

    Args:
        runs: complete ones.
        table: rows of their `comparison_table` at one task, model and sparsity.

    Returns:
        a symmetric frame with the engines as rows and columns and ones on the diagonal; NaN where two engines
        share no seed.
    """
    by_seed: dict[int, dict[str, Mask]] = defaultdict(dict)
    for row, run in _chosen(runs, table):
        by_seed[row.seed][row.engine] = run.mask()
    engines = list(dict.fromkeys(table["engine"]))
    overlaps = [overlap(masks).reindex(index=engines, columns=engines) for masks in by_seed.values()]
    return pd.concat(overlaps).groupby(level=0, sort=False).mean()


def sparsity_by_engine(
    runs: Sequence[Run], table: pd.DataFrame, by: Literal["layer", "type"]
) -> pd.DataFrame:
    """The share of weights that engines remove from each layer, or from each type of matrix.

    What is outside the layers is in the column "stem".

    Args:
        runs: complete ones.
        table: rows of their `comparison_table` at one task, model and sparsity.
        by: what the columns are.

    Returns:
        one row an engine; each value a share of exact counts, in [0, 1], as a mean over the engine's seeds.
    """
    rows = [pd.Series(_shares(run.mask(), _GROUPS[by]), name=row.engine) for row, run in _chosen(runs, table)]
    return pd.DataFrame(rows).groupby(level=0, sort=False).mean()


def _chosen(runs: Sequence[Run], table: pd.DataFrame) -> list[tuple]:
    known = {run.name: run for run in runs}
    return [(row, known[row.run]) for row in table.itertuples()]


def _shares(mask: Mask, group: Callable[[str], object]) -> dict:
    kept, numel = defaultdict(int), defaultdict(int)
    for name, count in mask.kept_per_matrix().items():
        kept[group(name)] += count
        numel[group(name)] += prod(mask.shapes[name])
    return {"stem" if key is None else key: 1 - kept[key] / numel[key] for key in numel}
