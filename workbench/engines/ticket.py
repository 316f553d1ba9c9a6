"""Retraining a mask that was found elsewhere: by another method, on another task, or by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from torch import nn

from workbench.engines.base import Engine
from workbench.engines.bench import Bench, State
from workbench.errors import BadInput
from workbench.masks import Mask
from workbench.models import prunable
from workbench.schedules import Linear
from workbench.settings import Sparsity, settings
from workbench.stages import Stage

_DIGITS = 16


@settings
class Ticket(Engine):
    """Trains under a given mask, as lottery tickets are retrained (Frankle and Carbin 2019).

    The only choices are the mask and the initial weights, so masks from different tasks and methods can be
    compared: Chen et al. 2020 retrain masks of one task on another, from the pretrained encoder. Learning
    rate, decay and distillation are those of `magnitude`.

    Nothing is ranked, so there is no `pattern`: the mask has the one that it was made with.

    Attributes:
        mask: a mask file (docs/mask-format.md), or the folder of a complete run for its final mask. It must
            have the matrices of the model, in their shapes.
        digest: the first digits of the mask's digest, filled in when the spec is made. The run's name depends
            on it and not on the path of the mask.
        sparsity: the sparsity of the mask; filled in if it is left out.
        start: where training starts: the "dense" model, the "pretrained" encoder with a fresh head, or the
            rewind point of a run, given as its folder. The run must be one of `imp` or `swamp` with
            rewind=all and rewind_epochs that kept its weights. If it has another task, the head is fresh.
    """

    id: ClassVar[str] = "ticket"
    places: ClassVar[tuple[str, ...]] = ("mask",)

    mask: str
    digest: str | None = None
    sparsity: Sparsity | None = None
    start: str = "dense"

    def resolve(self, mask_file: Callable[[str], Path]) -> "Ticket":
        """Fills in the digest and the sparsity of the mask."""
        if self.digest is not None:
            return self
        file = mask_file(self.mask) if Path(self.mask).is_dir() else Path(self.mask)
        mask = Mask.load(file)
        if self.sparsity is not None and abs(self.sparsity - mask.sparsity) * mask.numel > len(mask):
            raise BadInput(
                f"ticket: sparsity is {self.sparsity}, but the mask {self.mask} has {mask.sparsity:.6g}. "
                "Leave sparsity out."
            )
        return replace(self, mask=str(file), digest=mask.digest[:_DIGITS], sparsity=mask.sparsity)

    def check(self, model: nn.Module) -> None:
        """Rejects a mask of another model."""
        shapes = {name: tuple(weight.shape) for name, weight in prunable(model).items()}
        theirs = self._load().shapes
        for name in (*shapes, *theirs):
            if shapes.get(name) != theirs.get(name):
                raise BadInput(
                    f"ticket: the mask {self.mask} is of another model: {name} is "
                    f"{theirs.get(name) or 'missing'} in the mask and {shapes.get(name) or 'missing'} among "
                    "the prunable matrices of the model. Give a mask that was made for this model."
                )

    def prune(self, bench: Bench) -> State:
        """One training under the mask."""
        config = self.training_config(self.train_steps(bench), schedule=Linear)
        state, mask = self.first_state(bench), self._load()
        # In the model's order, which other runs may rely on: a file can have any.
        mask = Mask.from_tensors({name: mask[name] for name in state.weights})
        return bench.train(Stage.level(1), state, config, mask)

    def first_state(self, bench: Bench) -> State:
        """The state that `start` names."""
        if self.start in ("dense", "pretrained"):
            return super().first_state(bench)
        return bench.rewind_point(self.start)

    def _load(self) -> Mask:
        mask = Mask.load(self.mask)
        if mask.digest[:_DIGITS] != self.digest:
            raise BadInput(
                f"ticket: the mask {self.mask} has digest {mask.digest[:_DIGITS]}, but {self.digest} is "
                "expected: it was replaced. Restore it, or leave digest out for a new run."
            )
        return mask
