"""Sampling in one pass over the weights, whatever the number of draws."""

import numpy as np

from workbench.masks.packed import popcount
from workbench.masks.parallel import each
from workbench.masks.ranking.vectors import Vector
from workbench.masks.sampling.histogram import kernels_for
from workbench.masks.sampling.lottery import Group, Lottery

# Standard errors of the threshold to either side; where it is farther off, the pass is repeated.
_WIDTH = 6.0


def sample(group: Group) -> dict[str, np.ndarray]:
    """Keeps the `kept` weights with the largest z; of equal ones those with the lower index.

    Bins, window and threads do not change a bit of what ranking every z would choose.

    Returns:
        the packed bits of each vector, by its name.
    """
    width = _WIDTH
    while True:
        lottery = Lottery.of(group, width)
        packed, indices, z = _decided(lottery)
        missing = group.kept - sum(popcount(bits) for bits in packed.values())
        order = np.argsort(-z, kind="stable")
        if 0 <= missing <= z.size:
            taken, left = order[:missing], order[missing:]
            if np.all(z[taken] >= lottery.low) and np.all(z[left] <= lottery.high):
                _set(packed, group, np.sort(indices[taken]))
                return packed
        width *= 4


def _decided(lottery: Lottery) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """The bits that the tables decide; the indices and z of the weights that they leave open."""
    jobs, first = [], 0
    for vector in lottery.group.vectors:
        jobs += [(lottery, vector, first, *span) for span in vector.spans()]
        first += vector.size
    pieces: dict[str, list[np.ndarray]] = {vector.name: [] for vector in lottery.group.vectors}
    results = each(_decide, jobs, serial=not all(vector.on_host for vector in lottery.group.vectors))
    for (_, vector, *_), (bits, _, _) in zip(jobs, results, strict=True):
        pieces[vector.name].append(bits)
    _, indices, z = zip(*results, strict=True)
    packed = {name: np.concatenate(parts) for name, parts in pieces.items()}
    return packed, np.concatenate(indices), np.concatenate(z)


def _decide(
    lottery: Lottery, vector: Vector, first: int, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from workbench.masks.sampling import law

    group, bits, kernels = lottery.group, vector.bits(start, stop), kernels_for(vector)
    packed, places = kernels.decide(bits, first + start, lottery.tables)
    indices = places + first + start
    rule = np.uint64(group.key), group.exponent, lottery.log_time, lottery.theta, group.draws
    return packed, indices, law.places(kernels.magnitudes(bits[places]), indices, *rule)


def _set(packed: dict[str, np.ndarray], group: Group, indices: np.ndarray) -> None:
    """Sets the bits of weights, given by ascending index in the group."""
    first = 0
    for vector in group.vectors:
        begin, end = np.searchsorted(indices, [first, first + vector.size])
        places = indices[begin:end] - first
        np.bitwise_or.at(packed[vector.name], places >> 3, (128 >> (places & 7)).astype(np.uint8))
        first += vector.size
