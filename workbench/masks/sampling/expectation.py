"""Expected values of randomized masks, whatever they are computed from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Expectation:
    """Expected values of a randomized mask.

    Attributes:
        distance: the share of kept weights that the magnitude mask prunes, as in `distance_from`.
        overlap: the Jaccard index of two independently sampled masks: the expected size of the intersection
            divided by that of the union.
        matrices: the same per matrix (columns "sparsity", "distance" and "overlap", float64); a matrix that
            keeps nothing has distance 0 and overlap 1.
    """

    distance: float
    overlap: float
    matrices: pd.DataFrame


def expectation(
    names: tuple[str, ...], numel: np.ndarray, kept: np.ndarray, moved: np.ndarray, shared: np.ndarray
) -> Expectation:
    """Expected values from numbers of weights in each matrix.

    Args:
        names: of the matrices.
        numel: how many weights they have.
        kept, moved, shared: how many a mask keeps on average, how many of these the magnitude mask prunes,
            and how many of these a second mask also keeps.
    """
    nonempty = kept > 0
    columns = {
        "sparsity": 1 - kept / numel,
        "distance": np.divide(moved, kept, out=np.zeros(numel.size), where=nonempty),
        "overlap": np.divide(shared, 2 * kept - shared, out=np.ones(numel.size), where=nonempty),
    }
    table = pd.DataFrame(columns, index=pd.Index(names, name="matrix"))
    total, both = kept.sum(), shared.sum()
    return Expectation(float(moved.sum() / total), float(both / (2 * total - both)), table)
