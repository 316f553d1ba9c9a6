"""The literal procedure of paper A, counting draws without replacement; slow, and used as a reference."""

import numpy as np

from workbench.masks.sampling.histogram import kernels_for
from workbench.masks.sampling.solved_law import Group
from workbench.randomness import numpy_generator


def draw(group: Group) -> dict[str, np.ndarray]:
    """Keeps the `kept` weights that are drawn most often, with ties broken at random.

    Returns:
        The packed bits of each vector, by name.
    """
    rng = numpy_generator(group.key)
    magnitudes, alive = positive_magnitudes(group)
    log_p = group.exponent * np.log(magnitudes[alive])
    keep = np.zeros(magnitudes.size, dtype=bool)
    keep[alive[most_drawn(log_p, group.kept, group.draws, rng)]] = True
    return packed(group, keep)


def positive_magnitudes(group: Group) -> tuple[np.ndarray, np.ndarray]:
    """The magnitudes of a group's weights, float64, in order, and the indices of those above zero."""
    spans = [kernels_for(v).magnitudes(v.bits(*span)) for v in group.vectors for span in v.spans()]
    magnitudes = np.concatenate(spans)
    return magnitudes, np.flatnonzero(magnitudes)


def most_drawn(log_p: np.ndarray, kept: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """The indices of the `kept` weights that are drawn most often, with ties broken at random.

    Args:
        log_p: log probabilities, up to a constant.
        kept: weights per draw, and weights to return.
        draws: number of draws.
        rng: source of randomness.
    """
    return _largest(times_drawn(log_p, kept, draws, rng), kept)


def times_drawn(log_p: np.ndarray, kept: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """How often each weight is drawn, plus a random number in [0, 1) that breaks ties; as `most_drawn`."""
    counts = np.zeros(log_p.size)
    for _ in range(draws):
        # Weights arrive in the order of their Gumbel keys; the first to arrive form a weighted draw.
        counts[_largest(log_p + rng.gumbel(size=log_p.size), kept)] += 1
    return counts + rng.random(log_p.size)


def packed(group: Group, keep: np.ndarray) -> dict[str, np.ndarray]:
    """The packed bits of each vector in a group, given one bool per weight."""
    ends = np.cumsum([vector.size for vector in group.vectors])
    parts = np.split(keep, ends[:-1])
    return {vector.name: np.packbits(part) for vector, part in zip(group.vectors, parts, strict=True)}


def _largest(values: np.ndarray, kept: int) -> np.ndarray:
    """The indices of the `kept` largest values."""
    return np.argpartition(values, values.size - kept)[values.size - kept :]
