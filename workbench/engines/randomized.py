"""Randomized pruning mask generation and selection (paper A: Li et al., EMNLP 2023 Findings)."""

from collections.abc import Callable
from functools import cache, partial
from math import ceil, log2
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from workbench.engines.base import Bench, Entrant, State
from workbench.engines.ladder import LadderEngine
from workbench.masks import Mask, distance_from, sample_mask, topk_mask
from workbench.randomness import derive
from workbench.schedules import Constant, Linear
from workbench.scores import magnitude
from workbench.settings import Count, NonNegative, Positive, settings


@settings
class Randomized(LadderEngine):
    """Sample a pool of masks, train each a little, keep the best, train it in full; level by level.

    Defaults and procedure are those of the released code (`experiment_soups_quickcall.py`). The tables of
    the paper could not be read; nothing here is taken from them. Where we deviate:
    selection uses a validation split carved from train at every level, the last one too (the code
    selects on dev); scores average the evaluations that exist, and races shorter than 10 * `eval_every`
    steps are evaluated more often so that there are `early_evaluations` of them (the code divides by
    10 in any case); there is no augmented data and no early stopping.

    Attributes:
        candidates: M, masks in a pool.
        ratios: sampling ratios R; candidate j uses R[j mod len(R)].
        exponent: tau in p_i = |w_i|^tau / sum |w|^tau.
        sampler: "counts" or "draws" as in `sample_mask`; "magnitude" fills the pool with copies of
            the magnitude mask that differ in data order alone: the control. The spread of its early scores
            is noise, and since a race's weights are thrown away, its final score is what the same training
            gives without a search for masks.
        early_epochs: length of a candidate's early training.
        early_lr: its peak learning rate.
        early_evaluations: evaluations that a score averages, the last ones.
        halving: drop the worse half of the pool at equal intervals of the early training.
        full_scores: also train every candidate in full, to see whether early scores foretell the final
            ones. It changes neither the selection nor the result, and costs M trainings a level.
    """

    id: ClassVar[str] = "randomized"

    candidates: Count = 8
    ratios: Annotated[tuple[Positive, ...], Field(min_length=1)] = (5e-5, 1e-4, 8e-5, 3e-4)
    exponent: NonNegative = 5.0
    sampler: Literal["counts", "draws", "magnitude"] = "counts"
    early_epochs: Positive = 1.0
    early_lr: Positive = 2e-4
    early_evaluations: Count = 10
    halving: bool = False
    full_scores: bool = False

    def prune(self, bench: Bench) -> State:
        """The pseudo-code of paper A, section 7."""
        lengths = self.level_steps(bench, self.race_steps(bench))
        state = self.start(bench)
        for level, (sparsity, steps) in enumerate(zip(self.sparsities, lengths, strict=True), start=1):
            stage = f"level-{level}"
            schedule = Linear if level == len(self.sparsities) else Constant
            full = self.recipe(steps, schedule=schedule)
            pool = cache(partial(self.pool, bench.seed, level, state, sparsity))
            mask = self.race(bench, stage, state, pool)
            if self.full_scores:
                bench.race(f"{stage}/full", state, pool, full, average=1)
            state = bench.train(stage, state, full, mask)
        return state

    def pool(self, seed: int, level: int, state: State, sparsity: float) -> list[Entrant]:
        """The candidates, sampled from what the previous level left, hence nested in its mask.

        Of each is remembered its sampling ratio, which copies of the magnitude mask do not have, and the
        share of its kept weights that the magnitude mask of the same parent prunes.
        """
        weights = state.weights
        reference = topk_mask(magnitude(weights), sparsity)
        entrants = []
        for candidate in range(self.candidates):
            mask, ratio = reference, None
            if self.sampler != "magnitude":
                ratio = self.ratios[candidate % len(self.ratios)]
                lot = derive(seed, "level", level, "candidate", candidate)
                mask = sample_mask(weights, sparsity, ratio, self.exponent, seed=lot, method=self.sampler)
            distance = float(distance_from(reference, [mask])[0])
            entrants.append(Entrant(mask, {"ratio": ratio, "from_magnitude": distance}))
        return entrants

    def race(self, bench: Bench, stage: str, state: State, pool: Callable[[], list[Entrant]]) -> Mask:
        """Early mask evaluation (EMEP, paper A, section 6): the winner."""
        steps = bench.steps(self.early_epochs, self.batch_size)
        early = self.recipe(
            steps,
            lr=self.early_lr,
            schedule=Linear,
            eval_every=min(self.eval_every, ceil(steps / self.early_evaluations)),
        )
        return bench.race(
            f"{stage}/race", state, pool, early, average=self.early_evaluations, rounds=self.rounds
        )

    def race_steps(self, bench: Bench) -> int:
        """Optimizer steps of all candidates of a race."""
        steps = bench.steps(self.early_epochs, self.batch_size)
        alive, total, before = self.candidates, 0, 0
        for turn in range(1, self.rounds + 1):
            until = max(1, steps * turn // self.rounds)
            total += alive * (until - before)
            alive, before = (alive + 1) // 2, until
        return total

    @property
    def rounds(self) -> int:
        """Rounds of a race: one, or as many as it takes to halve the pool to one candidate."""
        return max(1, ceil(log2(self.candidates))) if self.halving else 1
