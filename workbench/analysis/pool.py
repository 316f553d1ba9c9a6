"""The pool of masks that a race chooses from: that of a run's level, or one sampled on its own."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from workbench.errors import BadInput, unknown
from workbench.masks import (
    SCOPES,
    Mask,
    Pattern,
    compare,
    disagreement,
    distance_from,
    growth,
    kept_count,
    sample_mask,
    topk_mask,
)
from workbench.masks.sampling.sample import check_law
from workbench.randomness import derive
from workbench.runs import Run
from workbench.scores import magnitude

MAGNITUDE = "magnitude"
MOST_CANDIDATES = 64
_BINS_AN_OCTAVE = 32
_COLUMNS = ["candidate", "ratio", "from_magnitude", "score", "chosen"]


def pool_table(run: Run, level: int) -> pd.DataFrame:
    """The candidates of a level, in order; no row for an engine without races.

    Args:
        run: any run.
        level: counted from 1.

    Returns:
        `ratio` is the sampling ratio (NaN for a copy of the magnitude mask), `from_magnitude` the share of
        the kept weights that the magnitude mask of the same parent and sparsity prunes (NaN if it was not
        recorded), `score` the mean primary metric of the last early evaluations.
    """
    rows = [(c.index, c.ratio, c.from_magnitude, c.score, c.chosen) for c in run.candidates(level)]
    return pd.DataFrame(rows, columns=_COLUMNS).astype({"ratio": "float64", "from_magnitude": "float64"})


@dataclass(frozen=True)
class PoolSpec:
    """How a pool is sampled.

    Attributes:
        sparsity, scope, exponent, ratio: as in `sample_mask`.
        candidates: number of masks, 2 to 64.
        seed: of the pool; a candidate does not depend on how many there are.
        pattern: as in `sample_mask`.

    Raises:
        BadInput: a value out of its range.
    """

    sparsity: float = 0.9
    scope: str = "matrix"
    exponent: float = 5.0
    ratio: float = 1e-4
    candidates: int = 8
    seed: int = 0
    pattern: str = "unstructured"

    def __post_init__(self):
        Pattern.of(self.pattern)
        kept_count(1, self.sparsity)
        check_law(self.ratio, self.exponent)
        if self.scope not in SCOPES:
            raise unknown("scope", self.scope, SCOPES)
        if not 2 <= self.candidates <= MOST_CANDIDATES:
            raise BadInput(f"{self.candidates} candidates do not make a pool; choose 2 to {MOST_CANDIDATES}.")

    @property
    def law(self) -> dict:
        """The arguments that `sample_mask` and `MagnitudeHistograms.expect` share."""
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


class SampledPool:
    """A pool of sampled masks, counted exactly; the tables are those of `ExpectedPool`.

    Args:
        spec: how it was sampled.
        masks: the candidates by name.
        reference: the magnitude mask.
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
        """Samples a pool mask by mask; None if `stopped` returns true in between.

        Raises:
            BadInput: as `sample_mask`.
        """
        reference = topk_mask(magnitude(weights), spec.sparsity, spec.scope, spec.pattern)
        masks = {}
        for label in spec.labels:
            if stopped():
                return None
            seed = derive(spec.seed, "pool", int(label))
            masks[label] = sample_mask(weights, **spec.law, seed=seed, pattern=spec.pattern)
        return cls(spec, masks, reference)

    @cached_property
    def _compared(self):
        return compare({MAGNITUDE: self.reference, **self.masks})

    def table(self) -> pd.DataFrame:
        """The candidates in the columns of `pool_table`, without scores."""
        return candidate_table(self.spec, distance_from(self.reference, self.masks))

    def sparsity(self) -> pd.Series:
        """Mean share that a mask removes, by matrix."""
        return sum(mask.layer_sparsity() for mask in self.masks.values()) / len(self.masks)

    def overlap(self) -> pd.DataFrame:
        """Jaccard indices of the magnitude mask and the candidates, pairwise."""
        return self._compared.jaccard()

    def growth(self) -> pd.DataFrame:
        """Number of weights in the union and the intersection of the first n masks, by n."""
        return growth(self.masks).set_axis(range(1, len(self.masks) + 1))

    def disagreement(self) -> pd.Series:
        """Share of a matrix's weights on which two masks differ, by matrix, averaged over pairs."""
        pairs = np.triu_indices(len(self.masks), 1)
        shares = {
            name: self._compared.hamming(name).to_numpy()[1:, 1:][pairs].mean() / numel
            for name, numel in self._compared.numel.items()
        }
        return pd.Series(shares, name="disagreement")

    def cells(self, matrix: str) -> np.ndarray:
        """Share of the weights on which two masks differ, by cell of a matrix (`masks.disagreement`)."""
        return disagreement(self.masks, matrix)

    def magnitudes(self, matrix: str, weights: torch.Tensor) -> pd.DataFrame:
        """The columns of `ExpectedPool.magnitudes`, with the share of masks that keep a weight as its chance.

        Args:
            matrix: its name.
            weights: its weights.
        """
        kept = sum(mask[matrix].flatten().numpy().astype(float) for mask in self.masks.values())
        return by_magnitude(weights, kept / len(self.masks))


def by_magnitude(weights: torch.Tensor, chances: np.ndarray) -> pd.DataFrame:
    """Bins of magnitude (`low`, `high`), the `weights` in each, and their mean `chance` to be kept.

    Args:
        weights: some weights; zeros are in no bin, and if all are zero there is none.
        chances: float64 (weights), the chance of each.
    """
    sizes = weights.detach().abs().flatten().double().numpy()
    places = np.floor(_BINS_AN_OCTAVE * np.log2(sizes[sizes > 0])).astype(int)
    first = places.min() if len(places) else 0
    counts = np.bincount(places - first)
    means = np.bincount(places - first, chances[sizes > 0]) / np.maximum(counts, 1)
    edges = 2.0 ** (np.arange(first, first + len(counts) + 1) / _BINS_AN_OCTAVE)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "weights": counts, "chance": means})


def candidate_table(spec: PoolSpec, distances: Iterable[float]) -> pd.DataFrame:
    """Candidates that have not raced, in the columns of `pool_table`."""
    rows = [(number, spec.ratio, value, np.nan, False) for number, value in enumerate(distances)]
    return pd.DataFrame(rows, columns=_COLUMNS)
