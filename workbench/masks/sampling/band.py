"""Draws within a band around the threshold (`prune_type` 5 of the released code); literal, and slow."""

import numpy as np

from workbench.masks.sampling.draws import most_drawn, packed, positive_magnitudes
from workbench.masks.sampling.solved_law import Group
from workbench.randomness import numpy_generator

# The band reaches up to so many times the threshold magnitude.
_REACH = 1.5


def sample_band(group: Group) -> dict[str, np.ndarray]:
    """Keeps what is above the band, and `draws.most_drawn` of the band.

    With v the k-th largest magnitude, the band holds the b kept weights of magnitude v to 3/2 v and the b
    next smaller ones, fewer where fewer are not zero. Of these, T = max(int(r b), 1) draws choose b.

    Returns:
        the packed bits of each vector, by its name.
    """
    rng = numpy_generator(group.key)
    magnitudes, alive = positive_magnitudes(group)
    # Of equal magnitudes the one with the lower index ranks higher, as in `topk_mask`.
    ranked = np.argsort(-magnitudes[alive], kind="stable")
    ordered = magnitudes[alive][ranked]
    above = int(np.count_nonzero(ordered[: group.kept] > _REACH * ordered[group.kept - 1]))
    inside = group.kept - above
    band = slice(above, above + 2 * inside)
    draws = max(int(group.ratio * inside), 1)
    chosen = most_drawn(group.exponent * np.log(ordered[band]), inside, draws, rng)
    keep = np.zeros(magnitudes.size, dtype=bool)
    keep[alive[ranked[:above]]] = True
    keep[alive[ranked[band]][chosen]] = True
    return packed(group, keep)
