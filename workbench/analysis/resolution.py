"""The smallest difference that a comparison would have seen, and whether a setting tells masks apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
import pandas as pd
import scipy

from workbench.analysis.comparison import CONDITION
from workbench.analysis.paired import Scores, scores_of
from workbench.analysis.rounding import without_rounding
from workbench.errors import BadInput
from workbench.runs import Run

_ALPHA, _POWER = 0.05, 0.8
# A dense model that is trained on may lose so much of its score.
_KEEPS = 0.98
CHECKS = ("dense keeps its score", "magnitude is above the floor", "random is below magnitude")


@dataclass(frozen=True)
class Difference:
    """A paired difference with its 95 % interval, and the smallest that the design would detect.

    The difference is a mean over n seeds, measured on one set of examples. Its variance is s^2 / n, from the
    differences of the seeds, plus that of the mean over bootstrap samples of the examples. The former has
    n - 1 degrees of freedom, the latter is taken as known; Satterthwaite's nu joins them. The interval is the
    mean +- t(0.975, nu) standard errors. With 80 % power at 5 %, two-sided, a true difference is detected of
    (t(0.975, nu) + t(0.8, nu)) standard errors (Bloom 1995; with normal quantiles 2.8, as in Cohen 1988).

    Attributes:
        difference: the mean over seeds.
        error: its standard error; NaN for one seed without predictions.
        freedom: nu; infinite for one seed.
        seeds: n.
    """

    difference: float
    error: float
    freedom: float
    seeds: int

    @classmethod
    def between(cls, first: Scores, second: Scores) -> "Difference":
        """The first minus the second, at equal seeds."""
        differences = first.values - second.values
        seeds = len(differences)
        of_seeds = differences.var(ddof=1) / seeds if seeds > 1 else 0.0
        of_examples = 0.0
        if first.resampled is not None and second.resampled is not None:
            of_examples = (first.resampled - second.resampled).mean(axis=0).var(ddof=1)
        elif seeds == 1:
            of_examples = np.nan
        total = without_rounding(of_seeds + of_examples, first.values, second.values)
        freedom = (seeds - 1) * (total / of_seeds) ** 2 if min(total, of_seeds) > 0 else inf
        return cls(float(differences.mean()), sqrt(total), float(freedom), seeds)

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self.difference - self._reach

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self.difference + self._reach

    @property
    def detectable(self) -> float:
        """The smallest true difference that would be detected.

        NaN where nothing varied, such as between runs that give every example the same answer: they say
        nothing about what would have been seen.
        """
        if not self.error > 0:
            return float("nan")
        return self._reach + float(scipy.special.stdtrit(self.freedom, _POWER)) * self.error

    @property
    def _reach(self) -> float:
        return float(scipy.special.stdtrit(self.freedom, 1 - _ALPHA / 2)) * self.error


def check_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Whether a setting tells masks apart, for each task, model and sparsity.

    The dense model, trained on with the same recipe, must keep 98 % of its score; the magnitude mask must be
    above the floor, the best score of a constant answer; and a random mask must be below the magnitude mask.
    The last two by their 95 % intervals.

    Args:
        runs: complete runs of the engines `magnitude`, at the sparsities in question and at 0, and `random`,
            which agree in all other settings.

    Returns:
        three rows for each task, model and sparsity: these, check (`CHECKS`), seeds, difference, low and high
        (NaN where nothing could be resampled), detectable and passed.

    Raises:
        BadInput: runs are missing, or two have the same engine, sparsity and seed.
    """
    found: dict[tuple, dict[int, Run]] = {}
    for run in runs:
        spec = run.spec
        place = (spec.task, spec.model, spec.engine.sparsity, spec.engine.id)
        if spec.seed in found.setdefault(place, {}):
            raise BadInput(
                f"two runs of {spec.engine.id} on {spec.task} at {place[2]} have seed {spec.seed}."
            )
        found[place][spec.seed] = run
    rows = []
    for task, model, sparsity in sorted({place[:3] for place in found if place[2] > 0}):
        entries = {
            "trained on": found.get((task, model, 0.0, "magnitude"), {}),
            "magnitude": found.get((task, model, sparsity, "magnitude"), {}),
            "random": found.get((task, model, sparsity, "random"), {}),
        }
        for check, (difference, passed) in zip(CHECKS, _checked(entries, task, sparsity), strict=True):
            rows.append((task, model, sparsity, check, *_cells(difference), passed))
    return pd.DataFrame(rows, columns=[*CONDITION, "check", *_COLUMNS, "passed"])


_COLUMNS = ["seeds", "difference", "low", "high", "detectable"]


def _checked(
    entries: Mapping[str, Mapping[int, Run]], task: str, sparsity: float
) -> list[tuple[Difference, bool]]:
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in entries.values())))
    if not seeds:
        raise BadInput(
            f"the check of {task} at {sparsity} needs magnitude at {sparsity} and at 0, and random at "
            f"{sparsity}, all at one seed or more. Run docs/results/can-see.yaml, changed to your setting."
        )
    trained_on, magnitude, random = ([by_seed[seed] for seed in seeds] for by_seed in entries.values())
    scores = scores_of(magnitude)
    dense, floor = scores_of(trained_on, dense=True), scores_of(magnitude, constant=True)
    keeps = Difference.between(scores_of(trained_on), dense)
    above, below = Difference.between(scores, floor), Difference.between(scores_of(random), scores)
    kept = dense.values.mean() + keeps.difference >= _KEEPS * dense.values.mean()
    return [(keeps, bool(kept)), (above, above.low > 0), (below, below.high < 0)]


def _cells(difference: Difference) -> tuple[int, float, float, float, float]:
    return (
        difference.seeds,
        difference.difference,
        difference.low,
        difference.high,
        difference.detectable,
    )
