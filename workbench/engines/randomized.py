"""Randomized pruning mask generation and selection (paper A: Li et al., EMNLP 2023 Findings)."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import pairwise
from math import ceil, log2
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from workbench.engines.bench import Bench, Candidate, RaceRules, State
from workbench.engines.ladder import LadderEngine
from workbench.errors import BadInput
from workbench.masks import Mask, distance_from, laws_at_distance, sample_mask, topk_mask
from workbench.masks.patterns import NM
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
    out from the training split at every level, including the last (the code selects on dev); on MRPC that
    split has 367 examples, whereas the code holds out 8,160 augmented ones; the task's primary metric
    selects, which is accuracy on MRPC (the code uses F1); a score averages the evaluations that exist (the
    code always divides by 10), and short races are evaluated more often than every `eval_every` steps, up to
    `early_evaluations` times, where that takes at most a seventh of the training's time (`Bench.race`); ties
    are broken by the validation loss (the code keeps the earliest candidate); no data augmentation; no early
    stopping.

    With a fixed ratio, the number of draws is proportional to the size of a matrix, and fewer draws give more
    random masks. At the default ratios, the masks of bert-base move 3.5 to 7.8 % of the kept weights at the
    last level, and those of MiniLM-L6, whose matrices have a quarter of the weights, 5.8 to 14 %. `distance`
    makes encoders of any size comparable.

    With a pattern, our addition, blocks or rows with their mean magnitude take the place of weights in the
    same law, and with n:m the n weights of every m that are drawn most often are kept (`masks.sampling`).
    Mean magnitudes differ less than single ones, so masks of blocks and rows are more random.

    Attributes:
        candidates: M, the number of masks in a pool.
        ratios: sampling ratios R; candidate j uses R[j mod len(R)].
        distance: share of the kept weights that the magnitude mask prunes, instead of `ratios`: each matrix
            gets as many draws as needed (`laws_at_distance`); with n:m, in a single level. Our addition;
            None, the default, follows the code.
        exponent: tau in p_i = |w_i|^tau / sum |w|^tau.
        draws_by: whether a ratio multiplies the number of "removed" weights (`prune_type` 2 in the code,
            which its scripts use) or of "kept" ones (1).
        sampler: "counts" or "draws" as in `sample_mask`, or another variant of the code: "uniform"
            (`prune_type` 3, here among the remaining weights, so that masks stay nested) or "band" (5).
            "magnitude" is the control: a pool of copies of the magnitude mask that differ only in data order.
            The spread of its early scores is noise. Since a race discards its weights, its final score is
            that of the same training without a mask search.
        with_magnitude: whether the magnitude mask also takes part in the race, after the M others. The code's
            pools do not include it.
        early_epochs: length of a candidate's early training.
        early_lr: peak learning rate of the early training.
        early_evaluations: number of evaluations, the last ones, that a score averages.
        early_score: whether candidates are ranked by the primary "metric", as in the code, or by the "loss"
            on the same split, which shows differences even where the metric is constant.
        shared_order: whether all candidates of a race use the same data order and dropout, so that only their
            masks differ. In the code each has its own, because one generator continues through all of them.
        halving: drop the worse half of the pool at equal intervals of the early training. Our addition.
        keep_winner: whether the full training continues from the winner's early weights, with its optimizer
            and data order. By default it restarts from the parent, as in the code; the code's variant without
            early evaluation (`experiment_soups.py`) keeps the winner's weights.
        full_scores: also train every candidate in full, to see whether early scores predict final scores,
            which are those of its last weights. This changes neither the selection nor the result, and costs
            M full trainings per level, which `total_steps` does not include.
        full_orders: number of data orders in which each candidate is trained in full, to separate the effect
            of masks from that of data orders; with `shared_order`, all candidates use the same orders.
    """

    id: ClassVar[str] = "randomized"

    candidates: Count = 8
    ratios: Annotated[tuple[Positive, ...], Field(min_length=1)] = (5e-5, 1e-4, 8e-5, 3e-4)
    distance: Annotated[float, Field(gt=0, lt=1)] | None = None
    exponent: NonNegative = 5.0
    draws_by: Literal["removed", "kept"] = "removed"
    sampler: Literal["counts", "draws", "uniform", "band", "magnitude"] = "counts"
    with_magnitude: bool = False
    early_epochs: Positive = 1.0
    early_lr: Positive = 2e-4
    early_evaluations: Count = 10
    early_score: Literal["metric", "loss"] = "metric"
    shared_order: bool = False
    halving: bool = False
    keep_winner: bool = False
    full_scores: bool = False
    full_orders: Count = 1

    def __post_init__(self):
        super().__post_init__()
        if isinstance(self.arrangement, NM):
            self._check_of_every()
        if self.distance is not None:
            self._check_distance(self.distance)
        if self.full_orders > 1 and not self.full_scores:
            raise BadInput(
                f"randomized: full_orders is {self.full_orders}, but no candidate is trained in full. Give "
                "full_scores=true, or leave full_orders out."
            )

    def prune(self, bench: Bench) -> State:
        """The pseudo-code of paper A, section 7."""
        lengths = self.level_steps(bench, self.race_steps(bench))
        state = self.level_zero(bench)
        for level, (sparsity, steps) in enumerate(zip(self.sparsities, lengths, strict=True), start=1):
            stage = Stage.level(level)
            schedule = Linear if level == len(self.sparsities) else Constant
            full = self.training_config(steps, schedule=schedule)
            pool = cache(partial(self.pool, bench.seed, level, state, sparsity))
            mask = self.race(bench, stage, state, pool)
            for order in range(self.full_orders if self.full_scores else 0):
                rules = RaceRules(average=1, shared_order=self.shared_order)
                bench.race(stage.full_in(order), state, pool, full, rules)
            if self.keep_winner:
                state = bench.winner(stage.race)
            state = bench.train(stage, state, full, mask)
        return state

    def pool(self, seed: int, level: int, state: State, sparsity: float) -> list[Candidate]:
        """The candidates, sampled from the previous level's weights and so nested in its mask.

        Each records its sampling ratio (None for a copy of the magnitude mask, and where no ratio is used)
        and the share of its kept weights that the magnitude mask of the same parent prunes.
        """
        reference = topk_mask(magnitude(state.weights), sparsity, pattern=self.pattern)
        sampled = [(reference, None)] * self.candidates
        if self.sampler != "magnitude":
            seeds = [derive(seed, "level", level, "candidate", index) for index in range(self.candidates)]
            sampled = self.sample(state.weights, sparsity, seeds)
        if self.with_magnitude:
            sampled.append((reference, None))
        distances = distance_from(reference, [mask for mask, _ in sampled])
        return [
            Candidate(mask, {"ratio": ratio, "from_magnitude": float(distance)})
            for (mask, ratio), distance in zip(sampled, distances, strict=True)
        ]

    def sample(
        self, weights: Mapping[str, Tensor], sparsity: float, seeds: list[int]
    ) -> list[tuple[Mask, float | None]]:
        """One mask per seed, with its sampling ratio."""
        laws = None
        if self.distance is not None:
            laws = laws_at_distance(weights, sparsity, self.distance, self.exponent, pattern=self.pattern)
        sampled = []
        for index, seed in enumerate(seeds):
            ratio = self.ratios[index % len(self.ratios)]
            options = {"method": self.sampler, "draws_by": self.draws_by, "pattern": self.pattern}
            mask = sample_mask(weights, sparsity, ratio, self.exponent, seed=seed, laws=laws, **options)
            sampled.append((mask, None if laws or self.sampler == "uniform" else ratio))
        return sampled

    def race(self, bench: Bench, stage: Stage, state: State, pool: Callable[[], list[Candidate]]) -> Mask:
        """Early mask evaluation (EMEP, paper A, section 6); returns the winner."""
        steps = bench.steps(self.early_epochs, self.batch_size)
        early = self.training_config(
            steps,
            lr=self.early_lr,
            schedule=Linear,
            eval_every=min(self.eval_every, ceil(steps / self.early_evaluations)),
            keep="last" if self.keep_winner else "best",
        )
        rules = RaceRules(
            average=self.early_evaluations,
            rounds=self.rounds,
            by=self.early_score,
            shared_order=self.shared_order,
            keep_weights=self.keep_winner,
        )
        return bench.race(stage.race, state, pool, early, rules)

    def race_steps(self, bench: Bench) -> int:
        """Optimizer steps of all candidates in a race."""
        steps = bench.steps(self.early_epochs, self.batch_size)
        return halving_steps(self.pool_size, steps, self.rounds)

    @property
    def pool_size(self) -> int:
        """Number of candidates in a race, including the magnitude mask."""
        return self.candidates + self.with_magnitude

    @property
    def rounds(self) -> int:
        """Rounds of a race: one, or as many halvings as it takes to reduce the pool to one candidate."""
        return max(1, ceil(log2(self.pool_size))) if self.halving else 1

    def _check_of_every(self) -> None:
        if self.sampler == "band":
            raise BadInput(
                f"randomized: sampler is band, which is not defined for the pattern {self.pattern}. Choose "
                "another sampler or pattern."
            )
        if self.distance is not None and len(self.sparsities) > 1:
            raise BadInput(
                f"randomized: distance is {self.distance}, but before the last of {len(self.sparsities)} "
                f"levels no mask has the pattern {self.pattern}, and its distance is not known. Give "
                "levels=1, or ratios."
            )

    def _check_distance(self, distance: float) -> None:
        if self.sampler not in ("counts", "draws"):
            raise BadInput(
                f"randomized: distance is only for the samplers counts and draws, but sampler is "
                f"{self.sampler}. Leave one of them out."
            )
        for before, sparsity in pairwise((0.0, *self.sparsities)):
            most = (sparsity - before) / (1 - before)
            if distance >= most:
                raise BadInput(
                    f"randomized: distance is {distance}, but masks that prune from {before:.4g} to "
                    f"{sparsity:.4g} can be at most {most:.4g} away from the magnitude mask, if uniform. "
                    "Give a smaller distance, or fewer levels."
                )
