"""A pool of randomized masks of one model: what to expect of it, and what it turns out to be.

`ExpectedPool` answers in milliseconds and samples nothing; `SampledPool` counts. Both have the same tables.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from workbench.analysis.pool import COLUMNS
from workbench.errors import BadInput, unknown
from workbench.masks import (
    SCOPES,
    KeepChances,
    MagnitudeHistograms,
    Mask,
    compare,
    disagreement,
    distance_from,
    growth,
    kept_count,
    sample_mask,
    topk_mask,
)
from workbench.masks.pool import cell_means
from workbench.masks.sampling.sample import check_law
from workbench.randomness import derive
from workbench.scores import magnitude

MAGNITUDE = "magnitude"
MOST_CANDIDATES = 64


@dataclass(frozen=True)
class PoolSpec:
    """How a pool is sampled.

    Attributes:
        sparsity, scope, exponent, ratio: as in `sample_mask`.
        candidates: how many masks, 2 to 64.
        seed: of the pool; a candidate is the same mask whatever the number of candidates.

    Raises:
        BadInput: a value out of its range.
    """

    sparsity: float = 0.9
    scope: str = "matrix"
    exponent: float = 5.0
    ratio: float = 1e-4
    candidates: int = 8
    seed: int = 0

    def __post_init__(self):
        kept_count(1, self.sparsity)
        check_law(self.ratio, self.exponent)
        if self.scope not in SCOPES:
            raise unknown("scope", self.scope, SCOPES)
        if not 2 <= self.candidates <= MOST_CANDIDATES:
            raise BadInput(f"{self.candidates} candidates make no pool; choose 2 to {MOST_CANDIDATES}.")

    @property
    def law(self) -> dict:
        """The arguments of `sample_mask` and `MagnitudeHistograms.expect`."""
        return {
            "sparsity": self.sparsity,
            "exponent": self.exponent,
            "ratio": self.ratio,
            "scope": self.scope,
        }

    @property
    def labels(self) -> list[str]:
        """The names of the candidates."""
        return [str(candidate) for candidate in range(self.candidates)]


class ExpectedPool:
    """Expected values of a pool, out of histograms of the weights' magnitudes.

    Args of the constructor: the model's prunable weights, their histograms, and how the pool is sampled.

    Raises:
        BadInput: as `sample_mask`.
    """

    def __init__(self, weights: Mapping[str, torch.Tensor], histograms: MagnitudeHistograms, spec: PoolSpec):
        self._weights, self._histograms, self.spec = weights, histograms, spec
        self._expected = histograms.expect(**spec.law)
        self.distance: float = self._expected.distance

    @cached_property
    def chances(self) -> KeepChances:
        """With which chance a weight is kept, by matrix and magnitude."""
        return self._histograms.chances(**self.spec.law)

    def threshold(self, matrix: str) -> float:
        """The magnitude above which magnitude pruning keeps the weights of a matrix."""
        return float(self._histograms.threshold(self.spec.sparsity, self.spec.scope)[matrix])

    def magnitudes(self, matrix: str) -> pd.DataFrame:
        """Of a matrix the bins of magnitude (`low`, `high`), `weights` in each, their `chance` to be kept."""
        row = list(self._weights).index(matrix)
        edges, counts, chances = self.chances.edges, self.chances.counts[row], self.chances.chances[row]
        columns = {"low": edges[:-1], "high": edges[1:], "weights": counts, "chance": chances}
        used = np.flatnonzero(counts)
        return pd.DataFrame(columns).iloc[used[0] : used[-1] + 1].reset_index(drop=True)

    def table(self) -> pd.DataFrame:
        """The candidates like those of a run (`pool_table`), without distances and scores."""
        return _table(self.spec, [np.nan] * self.spec.candidates)

    def sparsity(self) -> pd.Series:
        """Share that a mask removes, by matrix."""
        return self._expected.matrices["sparsity"]

    def overlap(self) -> pd.DataFrame:
        """Jaccard indices of the magnitude mask and the candidates, two by two.

        The magnitude mask has as many weights as a candidate, of which it shares all but the distance.
        """
        labels = [MAGNITUDE, *self.spec.labels]
        table = np.full((len(labels), len(labels)), self._expected.overlap)
        table[0, :] = table[:, 0] = (1 - self.distance) / (1 + self.distance)
        np.fill_diagonal(table, 1.0)
        return pd.DataFrame(table, index=labels, columns=labels)

    def growth(self) -> pd.DataFrame:
        """Weights in the union and in the intersection of the first masks, by their number."""
        q, counts = self.chances.chances, self.chances.counts
        numbers = range(1, self.spec.candidates + 1)
        rows = [((counts * (1 - (1 - q) ** n)).sum(), (counts * q**n).sum()) for n in numbers]
        return pd.DataFrame(rows, index=numbers, columns=["union", "intersection"])

    def disagreement(self) -> pd.Series:
        """Share of a matrix's weights on which two masks differ, by matrix."""
        q, counts = self.chances.chances, self.chances.counts
        numel = [weight.numel() for weight in self._weights.values()]
        values = (counts * 2 * q * (1 - q)).sum(axis=1) / numel
        return pd.Series(values, index=list(self._weights), name="disagreement")

    def cells(self, matrix: str) -> np.ndarray:
        """Share of the weights on which two masks differ, by cell of a matrix, as `masks.disagreement`."""
        differing = self._by_magnitude(matrix, lambda q: 2 * q * (1 - q))
        return cell_means(differing(self._weights[matrix]))

    def _by_magnitude(
        self, matrix: str, function: Callable[[np.ndarray], np.ndarray]
    ) -> Callable[[torch.Tensor], np.ndarray]:
        """A function of a weight's chance, by way of a table over the first 14 bits of its magnitude."""
        codes = (np.arange(1 << 14, dtype=np.uint32) << 17) | (1 << 16)
        magnitudes = np.nan_to_num(codes.view(np.float32))
        edges, row = self.chances.edges, list(self._weights).index(matrix)
        chance = np.interp(magnitudes, (edges[:-1] + edges[1:]) / 2, self.chances.chances[row])
        chance[0] = 0.0
        table = function(chance)
        return lambda weights: table[weights.abs().numpy().view(np.uint32) >> 17]


class SampledPool:
    """A pool of masks that were sampled, counted exactly; the tables are those of `ExpectedPool`.

    Args of the constructor: how it was sampled, the candidates by name, and the magnitude mask.
    """

    def __init__(self, spec: PoolSpec, masks: dict[str, Mask], reference: Mask):
        self.spec, self.masks, self.reference = spec, masks, reference

    @classmethod
    def of(
        cls,
        weights: Mapping[str, torch.Tensor],
        spec: PoolSpec,
        stopped: Callable[[], bool] = lambda: False,
    ) -> "SampledPool | None":
        """Samples a pool, a mask at a time; None where `stopped` says so in between.

        Raises:
            BadInput: as `sample_mask`.
        """
        reference = topk_mask(magnitude(weights), spec.sparsity, spec.scope)
        masks = {}
        for label in spec.labels:
            if stopped():
                return None
            seed = derive(spec.seed, "pool", int(label))
            masks[label] = sample_mask(weights, **spec.law, seed=seed)
        return cls(spec, masks, reference)

    @cached_property
    def _compared(self):
        return compare({MAGNITUDE: self.reference, **self.masks})

    def table(self) -> pd.DataFrame:
        """The candidates like those of a run (`pool_table`), without scores."""
        return _table(self.spec, distance_from(self.reference, self.masks))

    def sparsity(self) -> pd.Series:
        """Share that a mask removes, by matrix, on average."""
        return sum(mask.layer_sparsity() for mask in self.masks.values()) / len(self.masks)

    def overlap(self) -> pd.DataFrame:
        """Jaccard indices of the magnitude mask and the candidates, two by two."""
        return self._compared.jaccard()

    def growth(self) -> pd.DataFrame:
        """Weights in the union and in the intersection of the first masks, by their number."""
        return growth(self.masks).set_axis(range(1, len(self.masks) + 1))

    def disagreement(self) -> pd.Series:
        """Share of a matrix's weights on which two masks differ, by matrix, mean over pairs."""
        pairs = np.triu_indices(len(self.masks), 1)
        shares = {
            name: self._compared.hamming(name).to_numpy()[1:, 1:][pairs].mean() / numel
            for name, numel in self._compared.numel.items()
        }
        return pd.Series(shares, name="disagreement")

    def cells(self, matrix: str) -> np.ndarray:
        """Share of the weights on which two masks differ, by cell of a matrix (`masks.disagreement`)."""
        return disagreement(self.masks, matrix)


def _table(spec: PoolSpec, distances: Iterable[float]) -> pd.DataFrame:
    rows = [(number, spec.ratio, value, np.nan, False) for number, value in enumerate(distances)]
    return pd.DataFrame(rows, columns=COLUMNS)
