"""Samples with a pattern n:m: every weight gets a place in the draws, and n of every m are chosen by it.

The places z are those of `law`, or literal counts of draws plus a random number (with a single draw, its
order), exactly as without a pattern. Only what is done with them differs: a mask keeps the n largest z of
every m consecutive weights, and of all others the largest until the group's number is reached.
"""

import numpy as np
import torch

from workbench.errors import BadInput
from workbench.masks.parallel import each
from workbench.masks.patterns import NM
from workbench.masks.ranking.topk import topk_packed
from workbench.masks.ranking.vectors import Vector
from workbench.masks.sampling.draws import positive_magnitudes, times_drawn
from workbench.masks.sampling.histogram import kernels_for
from workbench.masks.sampling.solved_law import Group
from workbench.randomness import numpy_generator

# The place of a weight that is zero, which is never drawn.
_LOWEST = -np.finfo(np.float64).max


def sample_of_every(group: Group, pattern: NM, literal: bool) -> dict[str, np.ndarray]:
    """The packed bits of each vector, by name.

    Args:
        group: the weights, with the number that is kept of all of them.
        pattern: at least n of every m are kept.
        literal: count draws one by one, as in `draws`.

    Raises:
        BadInput: fewer than n of some m weights are not zero.
    """
    places = _drawn(group) if literal else _computed(group)
    for vector, z in zip(group.vectors, places, strict=True):
        alive = (z.reshape(-1, pattern.m) > _LOWEST).sum(axis=1)
        if (alive < pattern.n).any():
            raise BadInput(
                f"{vector.name} has {pattern.m} consecutive weights with only {alive.min()} that are not "
                f"zero, but the pattern {pattern} keeps {pattern.n}. Zeros are never sampled: start from "
                "weights with fewer of them."
            )
    scores = {v.name: torch.from_numpy(z) for v, z in zip(group.vectors, places, strict=True)}
    return topk_packed(pattern.ranked(scores), list(scores), group.kept)


def _computed(group: Group) -> list[np.ndarray]:
    from workbench.masks.sampling import law

    everything = group.kept == group.histogram.alive
    log_time = 0.0 if everything else group.log_time()

    def part(vector: Vector, first: int, start: int, stop: int) -> np.ndarray:
        magnitudes = kernels_for(vector).magnitudes(vector.bits(start, stop))
        rule = np.uint64(group.key), group.exponent, log_time, group.draws
        return law.all_places(magnitudes, first + start, *rule)

    jobs, first = [], 0
    for vector in group.vectors:
        jobs += [(vector, first, *span) for span in vector.spans()]
        first += vector.size
    parts = each(part, jobs, serial=not all(vector.on_host for vector in group.vectors))
    return _by_vector(group, np.concatenate(parts))


def _drawn(group: Group) -> list[np.ndarray]:
    magnitudes, alive = positive_magnitudes(group)
    places = np.full(magnitudes.size, _LOWEST)
    log_p = group.exponent * np.log(magnitudes[alive])
    rng = numpy_generator(group.key)
    if group.draws == 1:  # the order in which a draw takes weights, as in `law`
        places[alive] = log_p + rng.gumbel(size=log_p.size)
    else:
        places[alive] = times_drawn(log_p, group.kept, group.draws, rng)
    return _by_vector(group, places)


def _by_vector(group: Group, places: np.ndarray) -> list[np.ndarray]:
    ends = np.cumsum([vector.size for vector in group.vectors])
    return np.split(places, ends[:-1])
