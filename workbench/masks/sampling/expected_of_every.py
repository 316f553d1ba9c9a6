"""Expected properties of randomized masks n:m, computed without sampling for some groups of m weights.

A mask keeps the n largest places z of every m consecutive weights (`sampling.sample`). The z of different
weights are independent, and so are groups. The chance that a weight is among the n largest of its group
follows from the distributions of the m places alone: it is the integral over z of the density of z times the
probability that fewer than n of the others are above (`expected_of_every_numba`).

This is exact but for two things. Of large models, only some groups are examined, chosen at random with a
fixed seed. With more than about 60 draws, neighbouring counts are taken together, in cells that are at most a
quarter of a standard deviation wide.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from workbench.masks.grouping import groups
from workbench.masks.of_every import best_of_every
from workbench.masks.parallel import each
from workbench.masks.patterns import NM
from workbench.masks.ranking.topk import check_tensors
from workbench.masks.sampling.expectation import Expectation, expectation
from workbench.masks.sampling.sample import check_law, number_of_draws
from workbench.randomness import numpy_generator

# Weights examined in all matrices together.
_WEIGHTS = 1 << 17
# Widths of the cells for a single draw, whose z has a standard deviation of 1.3, and the most of them.
_WIDTH, _CELLS = 0.2, 512
# A Gumbel variable is almost surely between these.
_GUMBEL = -3.5, 16.0


class DrawnTogether(NamedTuple):
    """The law of weights that are drawn together.

    Attributes:
        draws: T.
        exponent: tau.
        log_time: a weight w has log(t p) = tau log|w| + this.
    """

    draws: int
    exponent: float
    log_time: float

    @classmethod
    def of(cls, magnitudes: np.ndarray, n: int, draws: int, exponent: float) -> "DrawnTogether":
        """The law of some groups (groups, m) that keep n weights each, or of those that they stand for."""
        from workbench.masks.sampling import law

        alive = exponent * np.log(np.sort(magnitudes[magnitudes > 0]))
        kept = n * len(magnitudes)
        if alive.size <= kept:
            return cls(draws, exponent, 0.0)
        ones = np.ones(alive.size, dtype=np.int64)
        return cls(draws, exponent, law.log_time(alive, ones, kept, alive.size - kept))


@dataclass(frozen=True, eq=False)
class ChosenGroups:
    """Groups of m consecutive weights, chosen from every matrix in proportion to its size.

    Attributes:
        pattern: n:m.
        numel: number of weights of each matrix, by name.
        places: int64 (groups), which ones were chosen, by name; ascending.
        magnitudes: float64 (groups, m), by name.
    """

    pattern: NM
    numel: dict[str, int]
    places: dict[str, np.ndarray]
    magnitudes: dict[str, np.ndarray]

    @classmethod
    def of(cls, weights: Mapping[str, torch.Tensor], pattern: NM, most: int = _WEIGHTS) -> "ChosenGroups":
        """Chooses groups, all of them if there are few.

        Args:
            weights: floating-point tensors by name; m divides their rows.
            pattern: n:m.
            most: about as many weights are chosen in all.

        Raises:
            BadInput: the mapping or a tensor is empty, or m does not divide a row.
        """
        check_tensors(weights)
        pattern.check({name: tuple(weight.shape) for name, weight in weights.items()}, 0.0, "matrix")
        numel = {name: weight.numel() for name, weight in weights.items()}
        share = min(1.0, most / sum(numel.values()))
        places, magnitudes = {}, {}
        for name, weight in weights.items():
            total = numel[name] // pattern.m
            count = max(1, round(share * total))
            # One from each of as many equal parts, so that all of the matrix is seen.
            offsets = numpy_generator("expected", name).random(count)
            places[name] = ((np.arange(count) + offsets) * total / count).astype(np.int64)
            chosen = weight.detach().reshape(-1, pattern.m)[torch.from_numpy(places[name]).to(weight.device)]
            magnitudes[name] = chosen.abs().double().cpu().numpy()
        return cls(pattern, numel, places, magnitudes)

    def scale(self, name: str) -> float:
        """How many weights of a matrix each chosen one stands for."""
        return self.numel[name] / self.magnitudes[name].size

    def laws(
        self, exponent: float = 5.0, ratio: float = 1e-4, scope: str = "matrix"
    ) -> dict[str, DrawnTogether]:
        """The law of each matrix, by name.

        Raises:
            BadInput: as `sample_mask`.
        """
        check_law(ratio, exponent)
        n, m = self.pattern.n, self.pattern.m
        laws = {}
        for names in groups(self.numel, scope).values():
            numel = sum(self.numel[name] for name in names)
            draws = number_of_draws(numel, numel * n // m, ratio)
            together = np.concatenate([self.magnitudes[name] for name in names])
            laws |= dict.fromkeys(names, DrawnTogether.of(together, n, draws, exponent))
        return {name: laws[name] for name in self.numel}

    def chances(self, laws: Mapping[str, DrawnTogether]) -> dict[str, np.ndarray]:
        """The probability that a mask keeps each chosen weight, float64 (groups, m), by name."""
        jobs = [(self.magnitudes[name], self.pattern.n, law) for name, law in laws.items()]
        return dict(zip(laws, each(kept_chances, jobs), strict=True))

    def expect(self, chances: Mapping[str, np.ndarray]) -> Expectation:
        """Expected properties of masks that keep the chosen weights with these probabilities."""
        sums = [
            self.scale(name)
            * np.array([q.sum(), moved(self.magnitudes[name], q, self.pattern), (q * q).sum()])
            for name, q in chances.items()
        ]
        return expectation(tuple(self.numel), np.array(list(self.numel.values())), *np.transpose(sums))


def moved(magnitudes: np.ndarray, chances: np.ndarray, pattern: NM) -> float:
    """The expected number of kept weights, of some groups (groups, m), that the magnitude mask prunes."""
    kept = best_of_every(torch.from_numpy(magnitudes), pattern.n, pattern.m).numpy()
    return float(chances[~kept].sum())


def kept_chances(magnitudes: np.ndarray, n: int, law: DrawnTogether) -> np.ndarray:
    """The probability that a mask keeps each weight of some groups.

    Args:
        magnitudes: float64 (groups, m).
        n: weights that a group keeps.
        law: how they are drawn.

    Returns:
        float64 (groups, m); the sum over a group with at least n weights that are not zero is n.
    """
    from workbench.masks.sampling.expected_of_every_numba import chances_among

    alive = magnitudes > 0
    if (alive.sum(axis=1) <= n).all():
        return alive.astype(np.float64)
    y = np.full(magnitudes.shape, -np.inf)
    y[alive] = law.exponent * np.log(magnitudes[alive]) + law.log_time
    nodes, shares = np.polynomial.legendre.leggauss(-(-magnitudes.shape[1] // 2))
    nth = np.sort(y, axis=1)[:, -n]
    edges = _edges(nth[np.isfinite(nth)].min(), y.max(), law.draws)
    return chances_among(y, law.draws, edges, n, (nodes + 1) / 2, shares / 2)


def _edges(low: float, high: float, draws: int) -> np.ndarray:
    """Edges of the cells in which z is taken to be uniform, float64.

    Args:
        low: the smallest y of a weight that is the n-th of its group; places below its own decide nothing.
        high: the largest y.
        draws: T.
    """
    if draws == 1:
        low, high = low + _GUMBEL[0], high + _GUMBEL[1]
        return np.linspace(low, high, 1 + min(_CELLS, math.ceil((high - low) / _WIDTH)))
    # The arcsine of the root of a share of draws has the same standard deviation for all weights.
    angles = np.linspace(0, math.pi / 2, 1 + math.ceil(4 * math.pi * math.sqrt(draws)))
    return np.unique(np.round((draws + 1) * np.sin(angles) ** 2))
