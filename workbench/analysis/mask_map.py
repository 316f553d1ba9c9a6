"""A map of masks: two dimensions in which near masks have much in common."""

import numpy as np
import pandas as pd
from sklearn.manifold import smacof


def mask_map(overlap: pd.DataFrame) -> pd.DataFrame:
    """Places masks so that their distances in the plane are near their Jaccard distances.

    Metric multidimensional scaling by majorization (SMACOF, de Leeuw 1977), begun with the first mask in the
    middle of a ring of the others, so that equal tables give equal maps. Independent masks lie in as many
    directions as there are masks: two dimensions show their distances from the first mask better than
    those among themselves.

    Args:
        overlap: symmetric table of Jaccard indices, of two masks at least.

    Returns:
        a row a mask: `x` and `y` in units of Jaccard distance, the first mask at the origin, and `distance`,
        its true Jaccard distance from the first mask.
    """
    distances = 1 - overlap.to_numpy()
    others = np.arange(len(overlap) - 1)
    # Two on a ring of two would be in line with its middle, and never leave the line.
    angles = 2 * np.pi * others / max(3, len(others))
    ring = distances[0, 1:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    start = np.vstack([np.zeros(2), ring])
    places, _ = smacof(distances, n_components=2, init=start, n_init=1, normalized_stress=False)
    x, y = (places - places[0]).T
    return pd.DataFrame({"x": x, "y": y, "distance": distances[0]}, index=overlap.index)
