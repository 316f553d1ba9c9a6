"""Expected properties of randomized masks without sampling: sums over histograms of magnitudes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from workbench.masks.grouping import groups
from workbench.masks.parallel import each
from workbench.masks.patterns import UNSTRUCTURED, Pattern
from workbench.masks.ranking.topk import check_tensors, kept_in_group
from workbench.masks.ranking.vectors import Vector, common_layout, on_host
from workbench.masks.sampling.expectation import Expectation, expectation
from workbench.masks.sampling.histogram import Histogram, upper_edges
from workbench.masks.sampling.sample import check_alive, check_law, drawn_groups, number_of_draws

# Mantissa bits per bin: bins are at most 1/64 of a magnitude wide, or 1/1024 of the mean magnitude of a block
# or row, as there are fewer of these and they differ less.
_PRECISION, _FINE = 6, 10
# Sums may merge up to this many bins, as long as the merged bins are narrow compared to the law's width.
_WIDEST = 8


@dataclass(frozen=True, eq=False)
class KeepChances:
    """The probability that a randomized mask keeps a weight, by magnitude.

    Attributes:
        edges: float64 (bins + 1), ascending magnitudes.
        counts: int64 (matrices, bins), the number of weights above one edge and up to the next; zeros, which
            are never kept, are in no bin.
        chances: float64 (matrices, bins), in [0, 1], the probability for a weight in the middle of the bin.
    """

    edges: np.ndarray
    counts: np.ndarray
    chances: np.ndarray


@dataclass(frozen=True, eq=False)
class MagnitudeHistograms:
    """The magnitudes of a model's weights, or of their blocks or rows, counted in narrow bins.

    Once built with `of`, it computes the expected properties of masks of any sparsity in milliseconds.

    Attributes:
        names: names of the matrices.
        edges: float64 (bins + 1), ascending.
        counts: int64 (matrices, bins), the number of weights above one edge and up to the next.
        zeros: int64 (matrices), the number of weights that are zero.
        pattern: what is counted in place of weights, with their mean magnitudes: blocks or rows.
        shapes: of the matrices, by name.
    """

    names: tuple[str, ...]
    edges: np.ndarray
    counts: np.ndarray
    zeros: np.ndarray
    pattern: Pattern
    shapes: dict[str, tuple[int, ...]]

    @classmethod
    def of(
        cls, weights: Mapping[str, torch.Tensor], pattern: str | Pattern = UNSTRUCTURED
    ) -> "MagnitudeHistograms":
        """Counts the weights, or the mean magnitudes of blocks or rows, in one pass on several threads.

        Args:
            weights: finite floating-point tensors of any shape, by name.
            pattern: blocks or rows to count in place of weights, as in `sample_mask`; not n:m, for which
                there is `ChosenGroups`.

        Raises:
            BadInput: the mapping or a tensor is empty, or a tensor is not floating-point or has NaN or
                infinite entries, or cannot be divided into the blocks.
        """
        check_tensors(weights)
        shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        drawn = drawn_groups(weights, 0.0, "matrix", pattern := Pattern.of(pattern))
        layout = common_layout(drawn.values())
        precision = _PRECISION if pattern == UNSTRUCTURED else _FINE
        vectors = [(Vector(name, tensor, layout), precision) for name, tensor in drawn.items()]
        histograms = each(Histogram.of, vectors, serial=not on_host(drawn.values()))
        first = min((h.bins[0] for h in histograms if h.bins.size), default=1)
        last = max((h.bins[-1] for h in histograms if h.bins.size), default=1)
        last += -(last - first + 1) % _WIDEST
        counts = np.zeros((len(histograms), last - first + 1), dtype=np.int64)
        for row, histogram in zip(counts, histograms, strict=True):
            row[histogram.bins - first] = histogram.counts
        edges = upper_edges(np.arange(first - 1, last + 1), layout, precision)
        return cls(
            tuple(weights),
            np.clip(edges, 5e-324, 1e308),
            counts,
            np.array([h.zeros for h in histograms]),
            pattern,
            shapes,
        )

    def threshold(self, sparsity: float, scope: str = "matrix") -> pd.Series:
        """The magnitude above which magnitude pruning keeps weights, per matrix, float64.

        Exact up to the width of a bin, with linear interpolation within the bin; 0 if zeros are kept.

        Args:
            sparsity, scope: as in `topk_mask`.

        Raises:
            BadInput: as `topk_mask`.
        """
        values = np.zeros(len(self.names))
        for members, index, share in self._share(sparsity, scope):
            if index >= 0:
                low, high = self.edges[index : index + 2]
                values[members] = high - share * (high - low)
        return pd.Series(values, index=pd.Index(self.names, name="matrix"), name="threshold")

    def layer_sparsity(self, sparsity: float, scope: str = "matrix") -> pd.Series:
        """The share of weights that magnitude pruning prunes in each matrix, like `Mask.layer_sparsity`.

        Exact except for the weights in the threshold's bin, which are assumed to be distributed alike in all
        matrices.

        Args:
            sparsity, scope: as in `topk_mask`.

        Raises:
            BadInput: as `topk_mask`.
        """
        kept = np.empty(len(self.names))
        for members, index, share in self._share(sparsity, scope):
            above = self._above[members]
            kept[members] = (1 - share) * above[:, index + 2] + share * above[:, index + 1]
        pruned = 1 - kept / self._above[:, 0]
        return pd.Series(pruned, index=pd.Index(self.names, name="matrix"), name="sparsity")

    def expect(
        self, sparsity: float, exponent: float = 5.0, ratio: float = 1e-4, scope: str = "matrix"
    ) -> Expectation:
        """Expected properties of the masks that `sample_mask` creates with these arguments.

        The values are sums over bins, using the sampling law for a weight in the middle of each bin and the
        threshold that keeps the right number on average. Compared to sums over single weights, the error of
        the distance is below 0.3 % if `exponent` times the square root of the number of draws is below 150
        (the paper has 75 to 130), and below 3 % up to 500; the error of the overlap is below 0.001.

        Raises:
            BadInput: as `sample_mask`.
        """
        from workbench.masks.sampling.expected_numba import expectations

        sums = expectations(*self._law(sparsity, exponent, ratio, scope))
        return expectation(self.names, self._above[:, 0] * self.sizes, *(sums * self.sizes))

    def chances(
        self, sparsity: float, exponent: float = 5.0, ratio: float = 1e-4, scope: str = "matrix"
    ) -> KeepChances:
        """The probabilities with which `sample_mask` keeps weights, in the bins that `expect` uses.

        Raises:
            BadInput: as `sample_mask`.
        """
        from workbench.masks.sampling.expected_numba import keep_chances

        edges, counts, group_of, *rest = self._law(sparsity, exponent, ratio, scope)
        return KeepChances(edges, counts, keep_chances(edges, counts, group_of, *rest)[group_of])

    def _law(self, sparsity: float, exponent: float, ratio: float, scope: str) -> tuple:
        """Edges, counts, the group of each matrix, each group's kept number and draws, and the exponent."""
        check_law(ratio, exponent)
        found = self._groups(sparsity, scope)
        kept, draws = np.empty((2, len(found)), dtype=np.int64)
        group_of = np.empty(len(self.names), dtype=np.int64)
        for place, (group, members, number) in enumerate(found):
            numel, alive = (sum(self._sizes[member][i] for member in members) for i in range(2))
            check_alive(group, numel, alive, number)
            size = self.sizes[members[0]]
            kept[place], draws[place] = number, number_of_draws(size * numel, size * number, ratio)
            group_of[members] = place
        edges, counts = self._merged_bins(exponent * math.sqrt(draws.max()))
        return edges, counts, group_of, kept, draws, float(exponent)

    @cached_property
    def sizes(self) -> np.ndarray:
        """int64 (matrices): the number of weights that are kept or pruned together."""
        return np.array([self.pattern.size(self.shapes[name]) for name in self.names])

    @cached_property
    def _above(self) -> np.ndarray:
        """int64 (matrices, bins + 2): the weights in each bin or a higher one; the first bin is zeros."""
        columns = np.column_stack([self.zeros, self.counts, np.zeros_like(self.zeros)])
        return np.ascontiguousarray(columns[:, ::-1].cumsum(axis=1)[:, ::-1])

    @cached_property
    def _sizes(self) -> list[tuple[int, int]]:
        """For each matrix, the number of weights and the number of non-zero weights."""
        return [tuple(sizes) for sizes in self._above[:, :2].tolist()]

    def _merged_bins(self, steepness: float) -> tuple[np.ndarray, np.ndarray]:
        """Edges and counts of the widest bins that are accurate enough for a law of this steepness."""
        step, narrow = 1, 16 if self.pattern == UNSTRUCTURED else 16 << _FINE - _PRECISION
        while step < _WIDEST and step * steepness <= narrow:
            step *= 2
        counts = self.counts.reshape(len(self.names), -1, step).sum(axis=2) if step > 1 else self.counts
        return self.edges[::step], counts

    def _groups(self, sparsity: float, scope: str) -> list[tuple[str, list[int], int]]:
        """Name, matrices and kept number of each group."""
        self.pattern.check(self.shapes, sparsity, scope)
        index = {name: i for i, name in enumerate(self.names)}
        result = []
        for group, names in groups(self.names, scope).items():
            members = [index[name] for name in names]
            numel = sum(self._sizes[member][0] for member in members)
            result.append((group, members, kept_in_group(group, numel, sparsity, self.pattern.unit)))
        return result

    def _share(self, sparsity: float, scope: str) -> list[tuple[list[int], int, float]]:
        """For each group: its matrices, the threshold's bin (-1: zeros), and the kept share of it."""
        result = []
        for _, members, kept in self._groups(sparsity, scope):
            above = self._above[members].sum(axis=0)
            column = int(np.searchsorted(-above, -kept, side="right")) - 1
            share = (kept - above[column + 1]) / (above[column] - above[column + 1])
            result.append((members, column - 1, share))
        return result
