"""What engines share that reach their sparsity in levels."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from workbench.engines.base import Engine
from workbench.engines.bench import Bench, State
from workbench.errors import BadInput
from workbench.schedules import check_ladder, cubic_ladder, geometric_ladder
from workbench.settings import Count, NonNegative, settings
from workbench.stages import Stage


@settings
class LadderEngine(Engine):
    """Prunes in levels of rising sparsity, with training after each (paper A, section 3).

    Attributes:
        levels: number of levels on the cubic ladder s_t = s_f (1 - (1 - t/n)^3).
        prune_share: share of the remaining weights that each level removes, instead of the cubic ladder;
            the last one removes what is left to `sparsity`.
        ladder: the levels' sparsities, instead of either; the last one is `sparsity`.
        dense_epochs: training before the first pruning; 0 for none.
    """

    levels: Count = 4
    prune_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    ladder: tuple[float, ...] | None = None
    dense_epochs: NonNegative = 1.0

    def __post_init__(self):
        ladder = check_ladder(self.sparsities)
        if ladder[-1] != self.sparsity:
            raise BadInput(
                f"{self.id}: the ladder ends at {ladder[-1]}, sparsity is {self.sparsity}; make them equal."
            )

    @property
    def sparsities(self) -> tuple[float, ...]:
        """The sparsity of each level, the last being `sparsity`."""
        if self.ladder:
            return self.ladder
        if self.prune_share:
            return geometric_ladder(self.sparsity, self.prune_share)
        return cubic_ladder(self.sparsity, self.levels)

    def level_steps(self, bench: Bench, search: int = 0, copies: Sequence[int] = ()) -> list[int]:
        """Optimizer steps of each level's training.

        Args:
            bench: knows the length of an epoch.
            search: steps that each level spends before its training.
            copies: how often each level trains; once where it is left out.

        Raises:
            BadInput: `total_steps` is fewer than level 0, the searches and one step a training.
        """
        copies = copies or [1] * len(self.sparsities)
        if self.total_steps is None:
            return [bench.steps(self.epochs, self.batch_size)] * len(copies)
        before = self.steps_before_pruning(bench)
        searches = search * len(copies)
        least = before + searches + sum(copies)
        if self.total_steps < least:
            raise BadInput(
                f"{self.id}: total_steps is {self.total_steps}; level 0 takes {before}, the levels at least "
                f"{least - before}. Give at least {least}, or shorten what they do."
            )
        return equal_lengths(self.total_steps - before - searches, copies)

    def steps_before_pruning(self, bench: Bench) -> int:
        """Optimizer steps of level 0."""
        return bench.steps(self.dense_epochs, self.batch_size) if self.dense_epochs else 0

    def start(self, bench: Bench) -> State:
        """Level 0: the dense model trained a little further, with the moments that level 1 goes on from."""
        state = bench.dense()
        if self.dense_epochs:
            state = bench.train(
                Stage.level(0), state, self.training_config(bench.steps(self.dense_epochs, self.batch_size))
            )
        return state


def equal_lengths(total: int, copies: Sequence[int]) -> list[int]:
    """Nearly equal lengths, larger ones late, whose sum, each times its copies, is `total`.

    The sum is smaller where the last level's copies cannot share evenly what is left, by fewer than they are.
    """
    lengths: list[int] = []
    trainings = spent = 0
    for number in copies:
        trainings += number
        lengths.append((total * trainings // sum(copies) - spent) // number)
        spent += number * lengths[-1]
    return lengths
