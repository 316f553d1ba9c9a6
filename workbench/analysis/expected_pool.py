"""What to expect of a pool of masks before any is sampled, in milliseconds."""

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from workbench.analysis.pool import MAGNITUDE, PoolSpec, SampledPool, candidate_table
from workbench.masks import Expectation, KeepChances, MagnitudeHistograms
from workbench.masks.pool import cell_means


class ExpectedPool:
    """Expected values of a pool without a pattern, from histograms of the weights' magnitudes.

    Args:
        weights: the model's prunable weights by name.
        counted: histograms of their magnitudes.
        spec: how the pool is sampled.

    Raises:
        BadInput: as `sample_mask`.
    """

    def __init__(self, weights: Mapping[str, torch.Tensor], counted: MagnitudeHistograms, spec: PoolSpec):
        self._weights, self._counted, self.spec = weights, counted, spec
        self._expected = self._expectation()
        self.distance: float = self._expected.distance

    def _expectation(self) -> Expectation:
        return self._counted.expect(**self.spec.law)

    @cached_property
    def chances(self) -> KeepChances:
        """The probability that a weight, or what a pattern counts in its place, is kept."""
        return self._counted.chances(**self.spec.law)

    def threshold(self, matrix: str) -> float:
        """The magnitude above which magnitude pruning keeps the weights of a matrix."""
        return float(self._counted.threshold(self.spec.sparsity, self.spec.scope)[matrix])

    def magnitudes(self, matrix: str) -> pd.DataFrame:
        """A matrix's bins of magnitude (`low`, `high`), `weights` in each, and their `chance` to be kept."""
        row = list(self._weights).index(matrix)
        edges, counts, chances = self.chances.edges, self.chances.counts[row], self.chances.chances[row]
        columns = {"low": edges[:-1], "high": edges[1:], "weights": counts, "chance": chances}
        used = np.flatnonzero(counts)
        table = pd.DataFrame(columns)
        return table.iloc[used[0] : used[-1] + 1].reset_index(drop=True) if len(used) else table[:0]

    def table(self) -> pd.DataFrame:
        """The candidates in the columns of `pool_table`, without distances and scores."""
        return candidate_table(self.spec, [np.nan] * self.spec.candidates)

    def sparsity(self) -> pd.Series:
        """Share that a mask removes, by matrix."""
        return self._expected.matrices["sparsity"]

    def overlap(self) -> pd.DataFrame:
        """Jaccard indices of the magnitude mask and the candidates, pairwise.

        The magnitude mask keeps as many weights as a candidate and shares all but the distance with it.
        """
        labels = [MAGNITUDE, *self.spec.labels]
        table = np.full((len(labels), len(labels)), self._expected.overlap)
        table[0, :] = table[:, 0] = (1 - self.distance) / (1 + self.distance)
        np.fill_diagonal(table, 1.0)
        return pd.DataFrame(table, index=labels, columns=labels)

    def growth(self) -> pd.DataFrame:
        """Expected number of weights in the union and the intersection of the first n masks, by n."""
        numbers = range(1, self.spec.candidates + 1)
        rows = [
            sum(np.array([counts @ (1 - (1 - q) ** n), counts @ q**n]) for q, counts in self._populations())
            for n in numbers
        ]
        return pd.DataFrame(rows, index=numbers, columns=["union", "intersection"])

    def disagreement(self) -> pd.Series:
        """Share of a matrix's weights on which two masks differ, by matrix."""
        values = [
            counts @ (2 * q * (1 - q)) / weight.numel()
            for (q, counts), weight in zip(self._populations(), self._weights.values(), strict=True)
        ]
        return pd.Series(values, index=list(self._weights), name="disagreement")

    def cells(self, matrix: str) -> np.ndarray:
        """Share of the weights on which two masks differ, by cell of a matrix, as `masks.disagreement`."""
        differing = self._by_magnitude(matrix, lambda q: 2 * q * (1 - q))
        return cell_means(differing(self._weights[matrix]))

    def _populations(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each matrix, chances to be kept and how many weights have them."""
        return list(zip(self.chances.chances, self.chances.counts, strict=True))

    def _by_magnitude(
        self, matrix: str, function: Callable[[np.ndarray], np.ndarray]
    ) -> Callable[[torch.Tensor], np.ndarray]:
        """A function of a weight's chance, tabulated over the first 14 bits of its magnitude."""
        codes = (np.arange(1 << 14, dtype=np.uint32) << 17) | (1 << 16)
        magnitudes = np.nan_to_num(codes.view(np.float32))
        edges, row = self.chances.edges, list(self._weights).index(matrix)
        chance = np.interp(magnitudes, (edges[:-1] + edges[1:]) / 2, self.chances.chances[row])
        chance[0] = 0.0
        table = function(chance)
        return lambda weights: table[weights.abs().numpy().view(np.uint32) >> 17]


def pool_summary(expected: ExpectedPool | None, sampled: SampledPool) -> pd.DataFrame:
    """The expected values of a pool beside the sampled ones: quantity, expected and sampled, as text.

    Without expected values (`expected_patterns.expected_pool`), that column is left out.
    """
    pools = (expected, sampled) if expected else (sampled,)
    pairs = np.triu_indices(len(sampled.masks), 1)
    distances = [pool.table()["from_magnitude"].mean() for pool in pools]
    if expected:
        distances[0] = expected.distance
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
    return pd.DataFrame(rows, columns=["quantity", *(["expected"] if expected else []), "sampled"])
