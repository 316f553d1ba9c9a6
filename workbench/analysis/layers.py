"""Where in a model the pruned weights are."""

import pandas as pd

from workbench.masks import Mask, layer_index, matrix_type


def layer_table(mask: Mask) -> pd.DataFrame:
    """Sparsity by layer and type of matrix.

    Args:
        mask: of a model whose matrices are named by layer, or, as those of ResNets, by stage.

    Returns:
        one row a layer and one column a type, both in the mask's order; each value the share of the
        matrix that is pruned, in [0, 1], NaN where a layer lacks a type. What is outside the layers is in
        the row "stem".
    """
    return by_layer(mask.layer_sparsity())


def by_layer(values: pd.Series) -> pd.DataFrame:
    """Numbers that are indexed by matrix, as a table of layers and types like that of `layer_table`."""
    rows = [(_row(name), matrix_type(name), value) for name, value in values.items()]
    table = pd.DataFrame(rows, columns=["layer", "type", "value"])
    wide = table.pivot(index="layer", columns="type", values="value")
    return wide.reindex(index=table["layer"].unique(), columns=table["type"].unique())


def _row(name: str) -> int | str:
    layer = layer_index(name)
    return "stem" if layer is None else layer
