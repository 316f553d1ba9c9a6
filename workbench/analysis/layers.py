"""Where in a model the pruned weights are."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from workbench.masks import Mask, layer_index, matrix_type
from workbench.runs import Run


def layer_table(mask: Mask) -> pd.DataFrame:
    """Sparsity by layer and type of matrix.

    Args:
        mask: of a model whose matrices are named by layer or, as in a ResNet, by stage.

    Returns:
        one row for each layer and one column for each type, both in the mask's order; each value is the share
        of the matrix that is pruned, in [0, 1], or NaN where a layer lacks a type. Matrices outside the
        layers are in the row "stem".
    """
    return by_layer(mask.layer_sparsity())


def by_layer(values: pd.Series) -> pd.DataFrame:
    """Numbers that are indexed by matrix, as a table of layers and types like that of `layer_table`."""
    rows = [(_layer(name), matrix_type(name), value) for name, value in values.items()]
    table = pd.DataFrame(rows, columns=["layer", "type", "value"])
    wide = table.pivot(index="layer", columns="type", values="value")
    return wide.reindex(index=table["layer"].unique(), columns=table["type"].unique())


def sparsity_by_engine(runs: Sequence[Run], table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The share of weights that each engine removes from each layer, and from each type of matrix.

    Args:
        runs: complete runs.
        table: rows of their `comparison_table` at one task, model and sparsity.

    Returns:
        two tables, "layer" and "type", which is what their columns are; matrices outside the layers are in
        the column "stem". One row for each engine; each value is a share computed from exact counts, in
        [0, 1], averaged over the engine's seeds.
    """
    by_name, groups = {run.name: run for run in runs}, {"layer": _layer, "type": matrix_type}
    rows: dict[str, list[dict]] = {by: [] for by in groups}
    for name in table["run"]:
        counts = by_name[name].final_counts()
        for by, group in groups.items():
            rows[by].append(_shares(counts, group))
    engines = list(table["engine"])
    return {by: pd.DataFrame(r, index=engines).groupby(level=0, sort=False).mean() for by, r in rows.items()}


def _layer(name: str) -> int | str:
    layer = layer_index(name)
    return "stem" if layer is None else layer


def _shares(
    counts: Mapping[str, tuple[int, int]], group: Callable[[str], int | str]
) -> dict[int | str, float]:
    kept, numel = defaultdict(int), defaultdict(int)
    for name, (some, every) in counts.items():
        key = group(name)
        kept[key] += some
        numel[key] += every
    return {key: 1 - kept[key] / numel[key] for key in numel}
