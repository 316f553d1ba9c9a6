"""Randomized pruning mask generation and selection (paper A: Li et al., EMNLP 2023 Findings)."""

from collections.abc import Callable
from functools import cache, partial
from math import ceil, log2
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from workbench.engines.bench import Bench, Candidate, State
from workbench.engines.ladder import LadderEngine
from workbench.masks import Mask, distance_from, sample_mask, topk_mask
from workbench.randomness import derive
from workbench.schedules import Constant, Linear, halving_steps
from workbench.scores import magnitude
from workbench.settings import Count, NonNegative, Positive, settings
from workbench.stages import Stage


@settings
class Randomized(LadderEngine):
    """At each level: sample a pool of masks, train each briefly, keep the best one and train it in full.

    Defaults and procedure follow the released code (`experiment_soups_quickcall.py`). We could not read the
    paper's tables, and nothing here is taken from them. Deviations: selection uses a validation split held
    out from the training split at every level, including the last (the code selects on dev); a score averages
    the evaluations that exist, and races shorter than 10 * `eval_every` steps are evaluated more often to
    reach `early_evaluations` (the code always divides by 10); no data augmentation; no early stopping.

    Attributes:
        candidates: M, the number of masks in a pool.
        ratios: sampling ratios R; candidate j uses R[j mod len(R)].
        exponent: tau in p_i = |w_i|^tau / sum |w|^tau.
        sampler: "counts" or "draws" as in `sample_mask`. "magnitude" is the control: a pool of copies of the
            magnitude mask that differ only in data order. The spread of its early scores is noise. Since a
            race discards its weights, its final score is that of the same training without a mask search.
        early_epochs: length of a candidate's early training.
        early_lr: peak learning rate of the early training.
        early_evaluations: number of evaluations, the last ones, that a score averages.
        halving: drop the worse half of the pool at equal intervals of the early training.
        full_scores: also train every candidate in full, to see whether early scores predict final scores.
            This changes neither the selection nor the result, and costs M full trainings per level.
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
            stage = Stage.level(level)
            schedule = Linear if level == len(self.sparsities) else Constant
            full = self.training_config(steps, schedule=schedule)
            pool = cache(partial(self.pool, bench.seed, level, state, sparsity))
            mask = self.race(bench, stage, state, pool)
            if self.full_scores:
                bench.race(stage.full, state, pool, full, average=1)
            state = bench.train(stage, state, full, mask)
        return state

    def pool(self, seed: int, level: int, state: State, sparsity: float) -> list[Candidate]:
        """The candidates, sampled from the previous level's weights and so nested in its mask.

        Each records its sampling ratio (None for a copy of the magnitude mask) and the share of its kept
        weights that the magnitude mask of the same parent prunes.
        """
        weights = state.weights
        reference = topk_mask(magnitude(weights), sparsity)
        candidates = []
        for candidate in range(self.candidates):
            mask, ratio = reference, None
            if self.sampler != "magnitude":
                ratio = self.ratios[candidate % len(self.ratios)]
                mask_seed = derive(seed, "level", level, "candidate", candidate)
                mask = sample_mask(
                    weights, sparsity, ratio, self.exponent, seed=mask_seed, method=self.sampler
                )
            distance = float(distance_from(reference, [mask])[0])
            candidates.append(Candidate(mask, {"ratio": ratio, "from_magnitude": distance}))
        return candidates

    def race(self, bench: Bench, stage: Stage, state: State, pool: Callable[[], list[Candidate]]) -> Mask:
        """Early mask evaluation (EMEP, paper A, section 6); returns the winner."""
        steps = bench.steps(self.early_epochs, self.batch_size)
        early = self.training_config(
            steps,
            lr=self.early_lr,
            schedule=Linear,
            eval_every=min(self.eval_every, ceil(steps / self.early_evaluations)),
        )
        return bench.race(stage.race, state, pool, early, average=self.early_evaluations, rounds=self.rounds)

    def race_steps(self, bench: Bench) -> int:
        """Optimizer steps of all candidates in a race."""
        steps = bench.steps(self.early_epochs, self.batch_size)
        return halving_steps(self.candidates, steps, self.rounds)

    @property
    def rounds(self) -> int:
        """Rounds of a race: one, or as many halvings as it takes to reduce the pool to one candidate."""
        return max(1, ceil(log2(self.candidates))) if self.halving else 1
