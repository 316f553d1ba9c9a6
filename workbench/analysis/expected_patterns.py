"""What to expect of a pool of masks with a pattern before any is sampled."""

from collections.abc import Mapping, MutableMapping
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from workbench.analysis.expected_pool import ExpectedPool
from workbench.analysis.pool import PoolSpec, by_magnitude
from workbench.masks import ChosenGroups, Expectation, MagnitudeHistograms, Pattern
from workbench.masks.patterns import NM, UNSTRUCTURED, as_matrix
from workbench.masks.pool import cell_means, point_means
from workbench.masks.sampling.expected_of_every import DrawnTogether, kept_chances

Counted = MagnitudeHistograms | ChosenGroups
# Weights of a matrix whose chances are computed for its cells with n:m.
_IN_CELLS = 1 << 17


def expected_pool(
    weights: Mapping[str, torch.Tensor], spec: PoolSpec, counted: MutableMapping[str, Counted]
) -> ExpectedPool | None:
    """Expected values of a pool with any pattern; None for n:m with a lower sparsity than its own.

    Args:
        weights: the model's prunable weights by name.
        spec: how the pool is sampled.
        counted: what was counted in these weights before, by pattern; the pattern of `spec` is added.

    Raises:
        BadInput: as `sample_mask`.
    """
    pattern = Pattern.of(spec.pattern)
    pattern.check({name: tuple(w.shape) for name, w in weights.items()}, spec.sparsity, spec.scope)
    of_every = isinstance(pattern, NM)
    if of_every and not pattern.is_final(spec.sparsity):
        return None
    if spec.pattern not in counted:
        counted[spec.pattern] = (ChosenGroups if of_every else MagnitudeHistograms).of(weights, pattern)
    plain = ExpectedPool if pattern == UNSTRUCTURED else ExpectedRectangles
    return (ExpectedOfEvery if of_every else plain)(weights, counted[spec.pattern], spec)


class ExpectedRectangles(ExpectedPool):
    """Expected values of a pool of masks that keep whole blocks or rows, from their mean magnitudes."""

    def threshold(self, matrix: str) -> float:
        """0, because there is none for the magnitudes of single weights."""
        return 0.0

    def magnitudes(self, matrix: str) -> pd.DataFrame:
        """As `ExpectedPool.magnitudes`; the chance of a weight is that of its block or row."""
        return by_magnitude(self._weights[matrix], self._chance_of_each(matrix).flatten())

    def cells(self, matrix: str) -> np.ndarray:
        """As `ExpectedPool.cells`."""
        q = self._chance_of_each(matrix)
        return cell_means(2 * q * (1 - q))

    def _populations(self) -> list[tuple[np.ndarray, np.ndarray]]:
        sizes = self._counted.sizes[:, None]
        return list(zip(self.chances.chances, self.chances.counts * sizes, strict=True))

    def _chance_of_each(self, matrix: str) -> np.ndarray:
        weight, pattern = self._weights[matrix], self._counted.pattern
        means = pattern.ranked({matrix: weight.detach().abs()})[matrix].numpy()
        edges, row = self.chances.edges, list(self._weights).index(matrix)
        chances = np.interp(means, (edges[:-1] + edges[1:]) / 2, self.chances.chances[row])
        return pattern.spread(torch.from_numpy(chances * (means > 0)), tuple(weight.shape)).numpy()


class ExpectedOfEvery(ExpectedPool):
    """Expected values of a pool of masks n:m, from some groups of m weights."""

    def threshold(self, matrix: str) -> float:
        """0, because groups have no common threshold."""
        return 0.0

    def magnitudes(self, matrix: str) -> pd.DataFrame:
        """As `ExpectedPool.magnitudes`, from the chosen groups."""
        table = by_magnitude(torch.from_numpy(self._counted.magnitudes[matrix]), self._kept[matrix].flatten())
        return table.assign(weights=table["weights"] * self._counted.scale(matrix))

    def cells(self, matrix: str) -> np.ndarray:
        """As `ExpectedPool.cells`; of a matrix with more than 131,072 weights only some are examined."""
        weight, pattern = self._weights[matrix], self._counted.pattern
        chosen = ChosenGroups.of({matrix: weight}, pattern, _IN_CELLS)
        q = kept_chances(chosen.magnitudes[matrix], pattern.n, self._laws[matrix])
        places = chosen.places[matrix][:, None] * pattern.m + np.arange(pattern.m)
        return point_means((2 * q * (1 - q)).flatten(), places.flatten(), as_matrix(tuple(weight.shape)))

    def _expectation(self) -> Expectation:
        return self._counted.expect(self._kept)

    @cached_property
    def _laws(self) -> dict[str, DrawnTogether]:
        return self._counted.laws(self.spec.exponent, self.spec.ratio, self.spec.scope)

    @cached_property
    def _kept(self) -> dict[str, np.ndarray]:
        return self._counted.chances(self._laws)

    def _populations(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(q.flatten(), np.full(q.size, self._counted.scale(name))) for name, q in self._kept.items()]
