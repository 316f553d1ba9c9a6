"""Shared by the engines that reach their sparsity in levels."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from workbench.engines.bench import Bench, State
from workbench.engines.ranking import RankingEngine
from workbench.errors import BadInput
from workbench.schedules import check_ladder, cubic_ladder, geometric_ladder
from workbench.settings import Count, NonNegative, settings
from workbench.stages import Stage


@settings
class LadderEngine(RankingEngine):
    """Prunes in levels of increasing sparsity and trains after each (paper A, section 3).

    Attributes:
        levels: number of levels on the cubic ladder s_t = s_f (1 - (1 - t/n)^3).
        prune_share: share of the remaining weights that each level removes, instead of the cubic ladder;
            the last level removes only as many as `sparsity` requires.
        ladder: explicit sparsities of the levels, instead of either; the last one must equal `sparsity`.
        dense_epochs: training of the first state before the first pruning step; 0 for none. The released code
            starts from the dense fine-tuned model. With `start="pretrained"` this is all the fine-tuning
            there is, and its steps count as the run's own.
    """

    levels: Count = 4
    prune_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    ladder: tuple[float, ...] | None = None
    dense_epochs: NonNegative = 1.0

    def __post_init__(self):
        super().__post_init__()
        ladder = check_ladder(self.sparsities)
        if ladder[-1] != self.sparsity:
            raise BadInput(
                f"{self.id}: the ladder ends at {ladder[-1]}, but sparsity is {self.sparsity}. Make them "
                "equal."
            )

    @property
    def sparsities(self) -> tuple[float, ...]:
        """The sparsity of each level; the last one is `sparsity`."""
        if self.ladder is not None:
            return self.ladder
        if self.prune_share:
            return geometric_ladder(self.sparsity, self.prune_share)
        return cubic_ladder(self.sparsity, self.levels)

    def level_steps(self, bench: Bench, search: int = 0, copies: Sequence[int] = ()) -> list[int]:
        """Optimizer steps of each level's training.

        Args:
            bench: converts epochs to steps.
            search: steps that each level spends on its mask search, before its training.
            copies: number of trainings per level; one each by default.

        Raises:
            BadInput: `total_steps` does not cover level 0, the searches and one step per training.
        """
        copies = copies or [1] * len(self.sparsities)
        if self.total_steps is None:
            return [bench.steps(self.epochs, self.batch_size)] * len(copies)
        before = self.steps_before_pruning(bench)
        searches = search * len(copies)
        least = before + searches + sum(copies)
        if self.total_steps < least:
            raise BadInput(
                f"{self.id}: total_steps is {self.total_steps}, but level 0 takes {before} and the other "
                f"levels at least {least - before}. Give at least {least}, or shorten level 0 or the levels."
            )
        return equal_lengths(self.total_steps - before - searches, copies)

    def steps_before_pruning(self, bench: Bench) -> int:
        """Optimizer steps of level 0."""
        return bench.steps(self.dense_epochs, self.batch_size) if self.dense_epochs else 0

    def level_zero(self, bench: Bench) -> State:
        """Level 0: trains the first state without a mask and keeps the moments for level 1."""
        state = self.first_state(bench)
        if self.dense_epochs:
            state = bench.train(
                Stage.level(0), state, self.training_config(bench.steps(self.dense_epochs, self.batch_size))
            )
        return state


def equal_lengths(total: int, copies: Sequence[int]) -> list[int]:
    """Nearly equal lengths, longer ones last, such that the sum of length times copies is `total`.

    If the last level's copies cannot share the remaining steps evenly, up to `copies[-1] - 1` steps are left.
    """
    lengths: list[int] = []
    trainings = spent = 0
    for count in copies:
        trainings += count
        lengths.append((total * trainings // sum(copies) - spent) // count)
        spent += count * lengths[-1]
    return lengths
