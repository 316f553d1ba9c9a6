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
