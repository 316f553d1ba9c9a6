"""What engines share that reach their sparsity in levels."""

from workbench.engines.base import Bench, Engine, State
from workbench.errors import BadInput
from workbench.schedules import check_ladder, cubic_ladder
from workbench.settings import Count, NonNegative, settings


@settings
class LadderEngine(Engine):
    """Prunes in levels of rising sparsity, with training after each (paper A, section 3).

    Attributes:
        levels: number of levels on the cubic ladder s_t = s_f (1 - (1 - t/n)^3).
        ladder: the levels' sparsities, instead of the cubic ones; the last one is `sparsity`.
        dense_epochs: training before the first pruning; 0 for none.
    """

    levels: Count = 4
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
        return self.ladder or cubic_ladder(self.sparsity, self.levels)

    def level_steps(self, bench: Bench, search: int = 0) -> list[int]:
        """Optimizer steps of each level's training.

        Args:
            bench: knows the length of an epoch.
            search: steps that each level spends before its training.

        Raises:
            BadInput: `total_steps` is fewer than level 0, the searches and one step a level.
        """
        levels = len(self.sparsities)
        if self.total_steps is None:
            return [bench.steps(self.epochs, self.batch_size)] * levels
        dense = bench.steps(self.dense_epochs, self.batch_size) if self.dense_epochs else 0
        least = dense + levels * (search + 1)
        if self.total_steps < least:
            raise BadInput(
                f"{self.id}: total_steps is {self.total_steps}; level 0 takes {dense} and each of {levels} "
                f"levels at least {search + 1}. Give at least {least}, or lower dense_epochs."
            )
        return equal_parts(self.total_steps - dense - levels * search, levels)

    def start(self, bench: Bench) -> State:
        """Level 0: the dense model trained a little further, with the moments that level 1 goes on from."""
        state = bench.dense()
        if self.dense_epochs:
            state = bench.train(
                "level-0", state, self.recipe(bench.steps(self.dense_epochs, self.batch_size))
            )
        return state


def equal_parts(total: int, parts: int) -> list[int]:
    """`total` as a sum of `parts` integers that differ by at most 1, the larger ones last."""
    return [total * (part + 1) // parts - total * part // parts for part in range(parts)]
