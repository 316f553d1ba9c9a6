"""What to expect of masks without making any: sums over histograms of the weights' magnitudes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from workbench.masks.grouping import groups
from workbench.masks.parallel import each
from workbench.masks.ranking.topk import check_tensors, kept_in_group
from workbench.masks.ranking.vectors import Vector, common_layout, on_host
from workbench.masks.sampling.histogram import Histogram, upper_edges
from workbench.masks.sampling.sample import check_alive, check_law, number_of_draws

# Bins keep so many mantissa bits: they are at most 1/64 of a magnitude wide.
_PRECISION = 6
# Sums take up to so many of these bins together, as few as keep them narrow against the law's width.
_WIDEST = 8


@dataclass(frozen=True, eq=False)
class Expectation:
    """Expected values of a randomized mask.

    Attributes:
        distance: the share of the kept weights that the magnitude mask prunes, as `distance_from` has it.
        overlap: the Jaccard index of two masks sampled independently: the expected size of the
            intersection over that of the union.
        matrices: the same for each matrix (columns "sparsity", "distance" and "overlap", float64);
            one that keeps nothing has distance 0 and overlap 1.
    """

    distance: float
    overlap: float
    matrices: pd.DataFrame


@dataclass(frozen=True, eq=False)
class KeepChances:
    """With which chance a randomized mask keeps a weight, by its magnitude.

    Attributes:
        edges: float64 (bins + 1), ascending magnitudes.
        counts: int64 (matrices, bins), how many weights are above an edge and up to the next; zeros, which
            are never kept, are in no bin.
        chances: float64 (matrices, bins), in [0, 1], of a weight in the middle of the bin.
    """

    edges: np.ndarray
    counts: np.ndarray
    chances: np.ndarray


@dataclass(frozen=True, eq=False)
class MagnitudeHistograms:
    """The magnitudes of a model's weights, counted in bins that are at most 1/64 of a magnitude wide.

    Build it once with `of`; it then answers in milliseconds what masks of any sparsity would be like.

    Attributes:
        names: of the matrices.
        edges: float64 (bins + 1), ascending.
        counts: int64 (matrices, bins), how many weights are above an edge and up to the next.
        zeros: int64 (matrices), how many weights are zero.
    """

    names: tuple[str, ...]
    edges: np.ndarray
    counts: np.ndarray
    zeros: np.ndarray

    @classmethod
    def of(cls, weights: Mapping[str, torch.Tensor]) -> "MagnitudeHistograms":
        """Reads the weights once, on several threads.

        Args:
            weights: names and floating-point tensors of any shape, finite.

        Raises:
            BadInput: an empty mapping or tensor, one that is not floating-point, or one that has NaN or
                infinite entries.
        """
        check_tensors(weights)
        layout = common_layout(weights.values())
        vectors = [(Vector(name, tensor, layout), _PRECISION) for name, tensor in weights.items()]
        histograms = each(Histogram.of, vectors, serial=not on_host(weights.values()))
        first = min((h.bins[0] for h in histograms if h.bins.size), default=1)
        last = max((h.bins[-1] for h in histograms if h.bins.size), default=1)
        last += -(last - first + 1) % _WIDEST
        counts = np.zeros((len(histograms), last - first + 1), dtype=np.int64)
        for row, histogram in zip(counts, histograms, strict=True):
            row[histogram.bins - first] = histogram.counts
        edges = upper_edges(np.arange(first - 1, last + 1), layout, _PRECISION)
        return cls(
            tuple(weights), np.clip(edges, 5e-324, 1e308), counts, np.array([h.zeros for h in histograms])
        )

    def threshold(self, sparsity: float, scope: str = "matrix") -> pd.Series:
        """The magnitude above which magnitude pruning keeps weights, for each matrix, float64.

        Exact to the width of a bin, and within a bin by linear interpolation; 0 where zeros are kept.

        Args:
            sparsity, scope: as in `topk_mask`.

        Raises:
            BadInput: as `topk_mask`.
        """
        values = np.zeros(len(self.names))
        for members, place, share in self._share(sparsity, scope):
            if place >= 0:
                low, high = self.edges[place : place + 2]
                values[members] = high - share * (high - low)
        return pd.Series(values, index=pd.Index(self.names, name="matrix"), name="threshold")

    def layer_sparsity(self, sparsity: float, scope: str = "matrix") -> pd.Series:
        """The share of the weights of each matrix that magnitude pruning prunes, as `Mask.layer_sparsity`.

        Exact but for the weights in the threshold's bin, which are taken to be alike in all matrices.

        Args:
            sparsity, scope: as in `topk_mask`.

        Raises:
            BadInput: as `topk_mask`.
        """
        kept = np.empty(len(self.names))
        for members, place, share in self._share(sparsity, scope):
            above = self._above[members]
            kept[members] = (1 - share) * above[:, place + 2] + share * above[:, place + 1]
        pruned = 1 - kept / self._above[:, 0]
        return pd.Series(pruned, index=pd.Index(self.names, name="matrix"), name="sparsity")

    def expect(
        self, sparsity: float, exponent: float = 5.0, ratio: float = 1e-4, scope: str = "matrix"
    ) -> Expectation:
        """What masks are like that `sample_mask` makes with these arguments.

        The values are sums over bins of what the sampler's law says of a weight in the middle of the bin,
        the threshold being that which keeps the right number on average. Against sums over single weights
        the distance is off by less than 0.3 % where `exponent` times the root of the number of draws is
        below 150 (the paper's is 75 to 130), and 3 % up to 500; the overlap by less than 0.001.

        Raises:
            BadInput: as `sample_mask`.
        """
        from workbench.masks.sampling.expected_numba import expectations

        sums = expectations(*self._law(sparsity, exponent, ratio, scope))
        return _expectation(self.names, self._above[:, 0], *sums)

    def chances(
        self, sparsity: float, exponent: float = 5.0, ratio: float = 1e-4, scope: str = "matrix"
    ) -> KeepChances:
        """With which chance `sample_mask` with these arguments keeps weights, in bins as `expect` uses them.

        Raises:
            BadInput: as `sample_mask`.
        """
        from workbench.masks.sampling.expected_numba import keep_chances

        edges, counts, group_of, *rest = self._law(sparsity, exponent, ratio, scope)
        return KeepChances(edges, counts, keep_chances(edges, counts, group_of, *rest)[group_of])

    def _law(self, sparsity: float, exponent: float, ratio: float, scope: str) -> tuple:
        """Edges, counts, the group of each matrix, what each group keeps, its draws, and the exponent."""
        check_law(ratio, exponent)
        found = self._groups(sparsity, scope)
        kept, draws = np.empty((2, len(found)), dtype=np.int64)
        group_of = np.empty(len(self.names), dtype=np.int64)
        for place, (group, members, number) in enumerate(found):
            numel, alive = (sum(self._sizes[member][i] for member in members) for i in range(2))
            check_alive(group, numel, alive, number)
            kept[place], draws[place] = number, number_of_draws(numel, number, ratio)
            group_of[members] = place
        edges, counts = self._taken_together(exponent * math.sqrt(draws.max()))
        return edges, counts, group_of, kept, draws, float(exponent)

    @cached_property
    def _above(self) -> np.ndarray:
        """int64 (matrices, bins + 2): how many weights are in each bin or higher, the first bin for zeros."""
        columns = np.column_stack([self.zeros, self.counts, np.zeros_like(self.zeros)])
        return np.ascontiguousarray(columns[:, ::-1].cumsum(axis=1)[:, ::-1])

    @cached_property
    def _sizes(self) -> list[tuple[int, int]]:
        """Of each matrix how many weights it has, and how many that are not zero."""
        return [tuple(sizes) for sizes in self._above[:, :2].tolist()]

    def _taken_together(self, steepness: float) -> tuple[np.ndarray, np.ndarray]:
        """Edges and counts of bins as wide as sums bear where the law is so steep in the log magnitude."""
        step = 1
        while step < _WIDEST and step * steepness <= 16:
            step *= 2
        counts = self.counts.reshape(len(self.names), -1, step).sum(axis=2) if step > 1 else self.counts
        return self.edges[::step], counts

    def _groups(self, sparsity: float, scope: str) -> list[tuple[str, list[int], int]]:
        """Name, matrices and kept number of each group."""
        place = {name: i for i, name in enumerate(self.names)}
        found = []
        for group, names in groups(self.names, scope).items():
            members = [place[name] for name in names]
            numel = sum(self._sizes[member][0] for member in members)
            found.append((group, members, kept_in_group(group, numel, sparsity)))
        return found

    def _share(self, sparsity: float, scope: str) -> list[tuple[list[int], int, float]]:
        """Of each group the matrices, the bin of the threshold (-1: zeros), the share of it that is kept."""
        found = []
        for _, members, kept in self._groups(sparsity, scope):
            above = self._above[members].sum(axis=0)
            column = int(np.searchsorted(-above, -kept, side="right")) - 1
            share = (kept - above[column + 1]) / (above[column] - above[column + 1])
            found.append((members, column - 1, share))
        return found


def _expectation(
    names: tuple[str, ...], numel: np.ndarray, kept: np.ndarray, moved: np.ndarray, shared: np.ndarray
) -> Expectation:
    some = kept > 0
    columns = {
        "sparsity": 1 - kept / numel,
        "distance": np.divide(moved, kept, out=np.zeros(numel.size), where=some),
        "overlap": np.divide(shared, 2 * kept - shared, out=np.ones(numel.size), where=some),
    }
    table = pd.DataFrame(columns, index=pd.Index(names, name="matrix"))
    total, both = kept.sum(), shared.sum()
    return Expectation(float(moved.sum() / total), float(both / (2 * total - both)), table)
