"""Draws within a band around the threshold (`prune_type` 5 of the released code); literal and slow."""

import numpy as np

from workbench.masks.sampling.draws import most_drawn, packed, positive_magnitudes
from workbench.masks.sampling.solved_law import Group
from workbench.randomness import numpy_generator

# The band's upper end, as a multiple of the threshold magnitude.
_REACH = 1.5


def sample_band(group: Group) -> dict[str, np.ndarray]:
    """Keeps all weights above the band, and the ones drawn most often within it.

    Let v be the k-th largest magnitude. The band contains the b kept weights with magnitudes from v to 3/2 v,
    and the b next smaller ones (fewer if there are not enough non-zero weights). T = max(int(r b), 1) draws
    choose b of them.

    Returns:
        The packed bits of each vector, by name.
    """
    rng = numpy_generator(group.key)
    magnitudes, alive = positive_magnitudes(group)
    # Among equal magnitudes, the one with the lower index ranks higher, as in `topk_mask`.
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
