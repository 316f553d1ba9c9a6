"""AC/DC: alternating compressed and decompressed training (Peste et al., NeurIPS 2021)."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from typing import ClassVar, Literal

from torch import Tensor

from workbench.engines.base import Scope
from workbench.engines.bench import Bench, State
from workbench.engines.ranking import RankingEngine
from workbench.errors import BadInput
from workbench.masks import Mask, topk_mask
from workbench.models import prunable
from workbench.schedules import Cosine, Linear
from workbench.scores import magnitude
from workbench.settings import Positive, settings
from workbench.stages import Stage
from workbench.training import FixedMask, Sparsifier, Training


@settings
class ACDC(RankingEngine):
    """One training run in phases: dense first, then alternately compressed and decompressed, then compressed.

    Each compressed phase computes a new magnitude mask at full sparsity and keeps it until the phase ends.
    Each decompressed phase starts with the pruned weights set to zero. The phases are those of the released
    configuration for ResNet-50 at a tenth of the length. That configuration has 100 epochs: 10 dense, then
    5 compressed and 5 dense alternately until epoch 75, where the last dense phase has 10 and the last
    compressed phase 15. Longer runs have more phases of the same length, like the released configuration
    for 200 epochs.

    The first phase is the dense training, so the run starts from the pretrained weights with a fresh head
    (for a ResNet, from its initial weights). `start="dense"`, which starts from the dense
    model, is our addition.

    We found no source for encoders. That the same proportions suit them is our inference, and so is a single
    linear decay of the learning rate over the whole run; the paper uses `decay="cosine"`. Momentum is reset
    as in the released code, which only uses SGD. For Adam we also reset the second moments and the step
    count: if second moments restarted from zero under a running step count, revived weights would for a while
    move more than six times as fast as the learning rate says. The learning rate warms up over a tenth of the
    run; in the released configuration, over a twentieth. Distillation from the dense model is our addition.

    Attributes:
        scope: the group within which magnitudes are ranked; the paper uses "global" and, as "uniform",
            "matrix".
        dense_epochs: length of the first phase.
        phase_epochs: length of each compressed and decompressed phase except the last two.
        last_dense_epochs: length of the last decompressed phase.
        final_epochs: length of the last compressed phase. Steps that do not fill a pair of phases are added
            to it.
        reset_moments: reset the optimizer's state at the start of each decompressed phase. If not, pruned
            weights gather moments in compressed phases, which are then always computed with dense matrices.
        decay: how the learning rate decays over the whole run.
    """

    id: ClassVar[str] = "acdc"

    scope: Scope = "global"
    dense_epochs: Positive = 1.0
    phase_epochs: Positive = 0.5
    last_dense_epochs: Positive = 1.0
    final_epochs: Positive = 1.5
    reset_moments: bool = True
    start: Literal["dense", "pretrained"] = "pretrained"
    decay: Literal["linear", "cosine"] = "linear"

    def prune(self, bench: Bench) -> State:
        """Trains once with alternating phases."""
        steps = self.train_steps(bench)
        alternation = Alternation(
            self.phases(bench, steps), self.sparsity, self.scope, self.reset_moments, self.pattern
        )
        config = self.training_config(steps, schedule=Linear if self.decay == "linear" else Cosine)
        return bench.train(Stage.level(1), self.first_state(bench), config, alternation)

    def phases(self, bench: Bench, steps: int) -> tuple[int, ...]:
        """The steps at which the phases start: dense, compressed, dense, ..., compressed.

        Args:
            bench: converts epochs to steps.
            steps: optimizer steps of the whole run.

        Raises:
            BadInput: the run is too short for the first phase, the last two and one in between.
        """
        least = self._starts_and_end(bench, 1)[-1]
        if steps < least:
            raise BadInput(
                f"acdc: the run has {steps} steps, but the minimum of four phases ({self.dense_epochs:g} "
                f"dense, {self.phase_epochs:g}, {self.last_dense_epochs:g} dense and {self.final_epochs:g} "
                f"epochs, times the scale) needs {least}. Give at least {least}, or lower dense_epochs, "
                "phase_epochs, last_dense_epochs or final_epochs."
            )
        pairs = bisect_right(range(1, steps), steps, key=lambda pairs: self._starts_and_end(bench, pairs)[-1])
        return tuple(self._starts_and_end(bench, pairs)[:-1])

    def _starts_and_end(self, bench: Bench, pairs: int) -> list[int]:
        """The start of each phase, then the end; `pairs` compressed phases precede the last one."""
        between = [self.phase_epochs] * (2 * pairs - 1)
        steps, delay = [0], 0
        # Round the running sums: rounding each phase of x.5 steps by itself would leave no room for the last.
        for until in accumulate((self.dense_epochs, *between, self.last_dense_epochs, self.final_epochs)):
            step = bench.steps(until, self.batch_size)
            delay = max(delay, steps[-1] + 1 - step)  # every phase has at least one step
            steps.append(step + delay)
        return steps


class Alternation(Sparsifier):
    """Applies a fixed mask in compressed phases and none in dense ones."""

    def __init__(
        self,
        starts: tuple[int, ...],
        sparsity: float,
        scope: Scope,
        reset_moments: bool,
        pattern: str = "unstructured",
    ):
        """Stores the phases.

        Args:
            starts: the steps at which phases start, in ascending order. The first, 0, is dense, the next
                compressed, and so on alternately.
            sparsity: sparsity of every compressed phase.
            scope: the group within which magnitudes are ranked.
            reset_moments: reset the optimizer's state when weights are revived.
            pattern: that of every mask, as in `topk_mask`.
        """
        self._starts = starts
        self._sparsity = sparsity
        self._scope = scope
        self._reset_moments = reset_moments
        self._pattern = pattern

    def attach(self, training: Training) -> None:
        """Starts dense."""
        super().attach(training)
        self._enter(None)

    def begin(self) -> None:
        """Starts dense."""
        self._enter(None)

    def before_step(self) -> None:
        """Sets the gradients of pruned weights to zero, which matters only where gradients are clipped.

        In the released code all weights receive gradients in a compressed phase.
        """
        self._now.before_step()

    def after_step(self) -> None:
        """Re-applies the mask, or changes it if a phase starts."""
        self._now.after_step()
        if self.training.step not in self._starts:
            return
        if self.phase % 2:
            self._enter(topk_mask(magnitude(self.weights), self._sparsity, self._scope, self._pattern))
            return
        self._enter(None)
        if self._reset_moments:
            self.training.optimizer.state.clear()

    @property
    def phase(self) -> int:
        """The index of the current phase, from 0; compressed phases are odd."""
        return bisect_right(self._starts, self.training.step) - 1

    @property
    def changed_at(self) -> int:
        """The start of the current phase."""
        return self._starts[self.phase]

    @property
    def settled_at(self) -> int:
        """The start of the last phase."""
        return self._starts[-1]

    @property
    def settled(self) -> bool:
        """Whether the last compressed phase has started."""
        return self.training.step >= self._starts[-1]

    @property
    def mask(self) -> Mask | None:
        """The current phase's mask; None in a dense phase."""
        return self._now.mask

    def check(self) -> None:
        """Pruned weights must be zero in a compressed phase."""
        self._now.check()

    def tensors(self) -> dict[str, Tensor]:
        """The current mask; empty in a dense phase."""
        return {name: self.mask[name] for name in self.mask.names} if self.mask else {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Resumes with the mask of a checkpoint, its matrices in the order of the model."""
        named = {name: tensors[name] for name in prunable(self.training.model) if name in tensors}
        self._enter(Mask.from_tensors(named) if named else None)

    def _enter(self, mask: Mask | None) -> None:
        self.hold(None)
        kind = FixedMask if self._reset_moments else _Gathering
        self._now = kind(mask) if mask else Sparsifier()
        self._now.attach(self.training)
        self._now.begin()
        self.weights = self._now.weights


class _Gathering(FixedMask):
    """Lets the moments of pruned weights take in their gradients, for the phase in which they come back."""

    def hold(self, mask: Mask | None) -> None:
        """Leaves the model dense, since pruned weights have moments."""

    def begin(self) -> None:
        """Sets the pruned weights to zero."""
        self.after_step()

    def before_step(self) -> None:
        """Leaves all gradients."""
