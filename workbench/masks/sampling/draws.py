"""The procedure of paper A literally: draws without replacement, counted. A yardstick; it is slow."""

import numpy as np

from workbench.masks.sampling.histogram import kernels_for
from workbench.masks.sampling.solved_law import Group
from workbench.randomness import numpy_generator


def draw(group: Group) -> dict[str, np.ndarray]:
    """Keeps the `kept` weights that are drawn most often, ties by lot.

    Returns:
        the packed bits of each vector, by its name.
    """
    rng = numpy_generator(group.key)
    magnitudes = np.concatenate(
        [kernels_for(v).magnitudes(v.bits(*span)) for v in group.vectors for span in v.spans()]
    )
    alive = np.flatnonzero(magnitudes)
    log_p = group.exponent * np.log(magnitudes[alive])
    counts = np.zeros(alive.size)
    for _ in range(group.draws):
        # Weights arrive in the order of their Gumbel keys: the first to arrive are a weighted draw.
        counts[_largest(log_p + rng.gumbel(size=alive.size), group.kept)] += 1
    keep = np.zeros(magnitudes.size, dtype=bool)
    keep[alive[_largest(counts + rng.random(alive.size), group.kept)]] = True
    ends = np.cumsum([vector.size for vector in group.vectors])
    parts = np.split(keep, ends[:-1])
    return {vector.name: np.packbits(part) for vector, part in zip(group.vectors, parts, strict=True)}


def _largest(values: np.ndarray, kept: int) -> np.ndarray:
    """The places of the `kept` largest."""
    return np.argpartition(values, values.size - kept)[values.size - kept :]
