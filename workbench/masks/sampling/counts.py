"""The sampler "counts": samples draw counts from their law in one pass, for any number of draws."""

import numpy as np

from workbench.masks.packed import popcount
from workbench.masks.parallel import each
from workbench.masks.ranking.vectors import Vector
from workbench.masks.sampling.histogram import kernels_for
from workbench.masks.sampling.solved_law import Group, SolvedLaw

# Half the window's width in standard errors; if the threshold is outside, the pass is repeated.
_WIDTH = 6.0


def sample(group: Group) -> dict[str, np.ndarray]:
    """Keeps the `kept` weights with the largest z, the one with the lower index among equals.

    The result is exactly the same as ranking every z, regardless of bins, window and threads.

    Returns:
        The packed bits of each vector, by name.
    """
    width = _WIDTH
    while True:
        solved = SolvedLaw.of(group, width)
        packed, indices, z = _decided(solved)
        missing = group.kept - sum(popcount(bits) for bits in packed.values())
        order = np.argsort(-z, kind="stable")
        if 0 <= missing <= z.size:
            taken, rest = order[:missing], order[missing:]
            if np.all(z[taken] >= solved.low) and np.all(z[rest] <= solved.high):
                _set(packed, group, np.sort(indices[taken]))
                return packed
        width *= 4


def _decided(solved: SolvedLaw) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """The bits that the tables decide, and the indices and z of the undecided weights."""
    jobs, first = [], 0
    for vector in solved.group.vectors:
        jobs += [(solved, vector, first, *span) for span in vector.spans()]
        first += vector.size
    pieces: dict[str, list[np.ndarray]] = {vector.name: [] for vector in solved.group.vectors}
    results = each(_decide, jobs, serial=not all(vector.on_host for vector in solved.group.vectors))
    for (_, vector, *_), (bits, _, _) in zip(jobs, results, strict=True):
        pieces[vector.name].append(bits)
    _, indices, z = zip(*results, strict=True)
    packed = {name: np.concatenate(parts) for name, parts in pieces.items()}
    return packed, np.concatenate(indices), np.concatenate(z)


def _decide(
    solved: SolvedLaw, vector: Vector, first: int, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from workbench.masks.sampling import law

    group, bits, kernels = solved.group, vector.bits(start, stop), kernels_for(vector)
    packed, undecided = kernels.decide(bits, first + start, solved.tables)
    indices = undecided + first + start
    rule = np.uint64(group.key), group.exponent, solved.log_time, solved.theta, group.draws
    return packed, indices, law.places(kernels.magnitudes(bits[undecided]), indices, *rule)


def _set(packed: dict[str, np.ndarray], group: Group, indices: np.ndarray) -> None:
    """Sets the bits of weights, given by their ascending indices in the group."""
    first = 0
    for vector in group.vectors:
        begin, end = np.searchsorted(indices, [first, first + vector.size])
        local = indices[begin:end] - first
        np.bitwise_or.at(packed[vector.name], local >> 3, (128 >> (local & 7)).astype(np.uint8))
        first += vector.size
