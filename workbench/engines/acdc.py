"""AC/DC: alternating compressed and decompressed training (Peste et al., NeurIPS 2021)."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import ClassVar, Literal

from torch import Tensor

from workbench.engines.base import Engine, Scope
from workbench.engines.bench import Bench, State
from workbench.errors import BadInput
from workbench.masks import Mask, topk_mask
from workbench.schedules import Cosine, Linear
from workbench.scores import magnitude
from workbench.settings import Positive, settings
from workbench.stages import Stage
from workbench.training import FixedMask, Sparsifier, Training


@settings
class ACDC(Engine):
    """One training in phases: dense first, then compressed and decompressed in turn, compressed at last.

    Each compressed phase begins with the magnitude mask of the full sparsity, taken anew, and keeps it; each
    decompressed one begins with the pruned weights back at zero. The phases are those of the released
    configuration for ResNet-50, a tenth as long: of 100 epochs, 10 are dense, then 5 compressed and 5
    dense in turn until 75; the last dense phase has 10 and the last compressed one 15. A longer training has
    more phases of the same length, as the released configuration of 200 epochs has.

    It starts from the pretrained weights with a fresh head, for a ResNet from its initial ones, and not from
    the dense model, since its first phase is the dense training. For encoders no source was found: that
    the same proportions suit them is inferred, and so is one linear decay of the learning rate over the
    whole run; the paper's is `decay="cosine"`. Momentum is reset as in the released code (SGD only). Of
    Adam ours also forgets the second moments and the count of steps: from zero under a count that ran on, a
    second moment would for a while let the revived weights move more than six times as fast as the rate says.
    The learning rate rises over a tenth of the run, in the released configuration over a twentieth. That the
    dense model teaches (`distillation`) is ours.

    Attributes:
        scope: what the magnitudes are ranked within; the paper has "global" and, as "uniform", "matrix".
        dense_epochs: the first phase.
        phase_epochs: every compressed and decompressed phase but the last two.
        last_dense_epochs: the last decompressed phase.
        final_epochs: the last compressed phase. What does not fill a pair of phases is added to it.
        reset_moments: forget the optimizer's state at the start of each decompressed phase.
        decay: how the learning rate falls over the whole run.
    """

    id: ClassVar[str] = "acdc"

    scope: Scope = "global"
    dense_epochs: Positive = 1.0
    phase_epochs: Positive = 0.5
    last_dense_epochs: Positive = 1.0
    final_epochs: Positive = 1.5
    reset_moments: bool = True
    decay: Literal["linear", "cosine"] = "linear"

    def prune(self, bench: Bench) -> State:
        """One training under the alternation."""
        steps = self.train_steps(bench)
        alternation = Alternation(self.phases(bench, steps), self.sparsity, self.scope, self.reset_moments)
        config = self.training_config(steps, schedule=Linear if self.decay == "linear" else Cosine)
        return bench.train(Stage.level(1), bench.pretrained(), config, alternation)

    def phases(self, bench: Bench, steps: int) -> tuple[int, ...]:
        """The steps at which phases start: dense, compressed, dense, ..., compressed.

        Args:
            bench: knows the length of an epoch.
            steps: of the whole run.

        Raises:
            BadInput: the run is too short for the first and the last two phases and one between them.
        """
        least = self._turns(bench, 1)[-1]
        if steps < least:
            raise BadInput(
                f"acdc: the run has {steps} steps; its fewest phases, of {self.dense_epochs:g} (dense), "
                f"{self.phase_epochs:g}, {self.last_dense_epochs:g} (dense) and {self.final_epochs:g} epochs "
                f"times the scale, need {least}. Give at least {least}, or lower dense_epochs, phase_epochs, "
                "last_dense_epochs or final_epochs."
            )
        pairs = bisect_right(range(1, steps), steps, key=lambda pairs: self._turns(bench, pairs)[-1])
        return tuple(self._turns(bench, pairs)[:-1])

    def _turns(self, bench: Bench, pairs: int) -> list[int]:
        """The steps at which phases start, and the end; `pairs` compressed phases, and then the last one."""
        between = [self.phase_epochs] * (2 * pairs - 1)
        turns, late = [0], 0
        # The sums are rounded: rounded one by one, many phases of x.5 steps would leave no room for the last.
        for until in accumulate((self.dense_epochs, *between, self.last_dense_epochs, self.final_epochs)):
            turn = bench.steps(until, self.batch_size)
            late = max(late, turns[-1] + 1 - turn)  # a phase of less than a step has one
            turns.append(turn + late)
        return turns


class Alternation(Sparsifier):
    """Fixed masks that come and go with the phases."""

    def __init__(self, starts: tuple[int, ...], sparsity: float, scope: Scope, reset_moments: bool):
        """Plans the phases.

        Args:
            starts: the steps at which phases start, in order; the first, 0, is dense, the next compressed,
                and so on in turn.
            sparsity: of every compressed phase.
            scope: what the magnitudes are ranked within.
            reset_moments: forget the optimizer's state when weights come back.
        """
        self._starts = starts
        self._sparsity = sparsity
        self._scope = scope
        self._reset_moments = reset_moments

    def attach(self, training: Training) -> None:
        """Starts dense."""
        super().attach(training)
        self._enter(None)

    def begin(self) -> None:
        """Starts dense."""
        self._enter(None)

    def after_step(self) -> None:
        """Keeps the mask, or changes it where a phase starts.

        In a compressed phase gradients are those of all weights, as in the released code, and the pruned
        weights are set to zero again.
        """
        self._now.after_step()
        if self.training.step not in self._starts:
            return
        if self.phase % 2:
            self._enter(topk_mask(magnitude(self.weights), self._sparsity, self._scope))
            return
        self._enter(None)
        if self._reset_moments:
            self.training.optimizer.state.clear()

    @property
    def phase(self) -> int:
        """The number of the present phase, from 0; compressed ones have odd numbers."""
        return bisect_right(self._starts, self.training.step) - 1

    @property
    def settled(self) -> bool:
        """Whether the last compressed phase has begun."""
        return self.training.step >= self._starts[-1]

    @property
    def mask(self) -> Mask | None:
        """The present phase's mask; None where it is dense."""
        return self._now.mask

    def check(self) -> None:
        """Pruned weights must be zero in a compressed phase."""
        self._now.check()

    def tensors(self) -> dict[str, Tensor]:
        """The present mask; nothing where there is none."""
        return {name: self.mask[name] for name in self.mask.names} if self.mask else {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes on under the same mask."""
        self._enter(Mask.from_tensors(tensors) if tensors else None)

    def _enter(self, mask: Mask | None) -> None:
        self._now = FixedMask(mask) if mask else Sparsifier()
        self._now.attach(self.training)
        self._now.begin()
