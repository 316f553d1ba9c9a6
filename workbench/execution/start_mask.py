"""The zeros of a given dense model that must stay zero throughout a run."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from workbench.errors import BadInput
from workbench.masks import Mask
from workbench.models import prunable
from workbench.runs.spec import RunSpec
from workbench.scores import Scores
from workbench.training import Sparsifier


@dataclass(frozen=True)
class StartMask:
    """The weights that a run may keep.

    Attributes:
        mask: keeps the weights that are not zero at the start; None if the run may keep any weight.
        engine: the engine's id, for messages.
    """

    mask: Mask | None
    engine: str

    @classmethod
    def of(cls, spec: RunSpec, dense: nn.Module | None) -> "StartMask":
        """The start mask of a run.

        Args:
            spec: the run.
            dense: the given dense model, if it has one.

        Raises:
            BadInput: zeros must stay zero, but there are none.
        """
        if spec.dense.start_mask is None:
            return cls(None, spec.engine.id)
        mask = Mask.from_tensors({name: weight.detach() != 0 for name, weight in prunable(dense).items()})
        if mask.kept == mask.numel:
            raise BadInput(
                f"dense.start_mask is zeros, but none of the {mask.numel:,} prunable weights of "
                f"{spec.dense.model} is zero. Leave start_mask out, or give a sparse classifier."
            )
        return cls(mask, spec.engine.id)

    def applied(self, mask: Mask | Sparsifier | None) -> Mask | Sparsifier | None:
        """The mask to train under, which must be within the start mask; the start mask if there is no other.

        Raises:
            BadInput: the mask keeps weights that are zero at the start, or is made during training.
        """
        if self.mask is None:
            return mask
        if mask is None:
            return self.mask
        if not isinstance(mask, Mask):
            raise BadInput(
                f"dense.start_mask is zeros, but engine {self.engine} changes its mask during training and "
                "lets weights return. Use an engine with fixed masks, such as imp, magnitude or randomized."
            )
        if revived := mask.kept - mask.common(self.mask):
            raise BadInput(
                f"engine {self.engine} would keep {revived:,} weights that are zero in the dense model, "
                f"against dense.start_mask: a mask of sparsity {mask.sparsity:.4g} does not fit into one of "
                f"{self.mask.sparsity:.4g}. Give a higher sparsity, a ladder that begins higher, the scope "
                "that the zeros were made with, or an engine that ranks by magnitude."
            )
        return mask

    def ranked(self, scores: Scores) -> Mapping[str, torch.Tensor]:
        """Scores in which the zeros of the start rank last."""
        if self.mask is None:
            return scores
        lowest = {name: torch.finfo(score.dtype).min for name, score in scores.items()}
        return {
            name: score.masked_fill(~self.mask[name].to(score.device), lowest[name])
            for name, score in scores.items()
        }
