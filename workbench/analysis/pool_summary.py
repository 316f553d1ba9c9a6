"""A pool in a few numbers."""

import numpy as np
import pandas as pd

from workbench.analysis.mask_pool import ExpectedPool, SampledPool


def pool_summary(expected: ExpectedPool, sampled: SampledPool) -> pd.DataFrame:
    """What was to be expected of a pool beside what was sampled: quantity, expected and sampled, in text."""
    pools = (expected, sampled)
    pairs = np.triu_indices(len(sampled.masks), 1)
    distances = expected.distance, sampled.table()["from_magnitude"].mean()
    rows = [
        ("kept weights that the magnitude mask removes", *(f"{100 * value:.3f} %" for value in distances)),
        (
            "overlap of two masks (Jaccard index)",
            *(f"{pool.overlap().to_numpy()[1:, 1:][pairs].mean():.4f}" for pool in pools),
        ),
    ]
    for name in ("union", "intersection"):
        rows.append(
            (f"weights in the {name} of all masks", *(f"{p.growth()[name].iloc[-1]:,.0f}" for p in pools))
        )
    return pd.DataFrame(rows, columns=["quantity", "expected", "sampled"])
