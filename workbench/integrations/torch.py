"""A mask in your own training loop: plain torch or accelerate."""

import torch
from accelerate.state import PartialState
from accelerate.utils import DistributedType, extract_model_from_parallel
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.distributed.tensor import DTensor
from torch.utils.hooks import RemovableHandle

from workbench.errors import BadInput, Failed
from workbench.masks import Mask


def keep(mask: Mask, model: nn.Module, optimizer: torch.optim.Optimizer) -> "KeptMask":
    """Keeps the pruned weights of a model at zero while it is trained.

    They are set to zero now and after every step of the optimizer; if only gradients were masked, momentum
    and weight decay would move them. If several optimizers share a model, call this for each.

    Args:
        mask: a mask of this model.
        model: the model, also wrapped by DDP, `torch.compile` or accelerate.
        optimizer: any subclass of torch's `Optimizer`, also wrapped by accelerate.

    Returns:
        An object that keeps the mask: `check()` counts the zeros, `remove()` stops keeping it.

    Raises:
        BadInput: the mask belongs to another model, the optimizer has no step hooks or trains none of the
            masked weights, or the model uses FSDP or DeepSpeed.
    """
    kept = KeptMask(mask, model)
    kept.follow(optimizer)
    return kept


class KeptMask:
    """Keeps the pruned weights of a model at zero.

    Args:
        mask: a mask of this model; it is applied at once.
        model: as in `keep`.

    Attributes:
        mask: the mask.

    Raises:
        BadInput: the mask belongs to another model, or the model uses FSDP or DeepSpeed.
    """

    def __init__(self, mask: Mask, model: nn.Module):
        self.mask = mask
        self._weights = masked_weights(mask, model)
        self._pruned = {name: ~mask[name] for name in mask.names}
        self._handles: list[RemovableHandle] = []
        self.apply()

    @torch.no_grad()
    def apply(self) -> None:
        """Sets the pruned weights to zero."""
        for name, weight in self._weights.items():
            # The model may have moved since; where it has not, `to` returns the same tensor.
            pruned = self._pruned[name] = self._pruned[name].to(weight.device)
            weight.masked_fill_(pruned, 0)

    @torch.no_grad()
    def check(self) -> None:
        """Counts the zeros.

        Raises:
            Failed: a pruned weight is not zero.
        """
        revived = {
            name: int(torch.count_nonzero(weight[self._pruned[name].to(weight.device)]))
            for name, weight in self._weights.items()
        }
        if total := sum(revived.values()):
            first = next(name for name, count in revived.items() if count)
            raise Failed(
                f"{total} of {self.mask.numel - self.mask.kept} pruned weights are not zero, the first in "
                f"{first}: something changed them after the optimizer's step, such as another callback or "
                "weights that were loaded. Find it, or set them to zero with mask.apply_(model)."
            )

    def follow(self, optimizer: torch.optim.Optimizer) -> None:
        """Applies the mask after every step of an optimizer, until `remove` is called.

        Raises:
            BadInput: as in `keep`.
        """
        while isinstance(getattr(optimizer, "optimizer", None), torch.optim.Optimizer):
            optimizer = optimizer.optimizer  # accelerate's wrapper
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise BadInput(
                f"{type(optimizer).__name__} is not an optimizer that a mask can follow: it must be a "
                "torch.optim.Optimizer, or accelerate's wrapper of one. Give the optimizer whose step() "
                "moves the weights."
            )
        trained = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
        if not any(id(weight) in trained for weight in self._weights.values()):
            raise BadInput(
                f"this {type(optimizer).__name__} trains none of the {len(self.mask)} matrices of the mask. "
                "Make it from this model's parameters; one that steps copies of them would undo the mask."
            )
        self._handles.append(optimizer.register_step_post_hook(lambda *_: self.apply()))

    def remove(self) -> None:
        """Stops following optimizers; the weights stay as they are."""
        while self._handles:
            self._handles.pop().remove()


def masked_weights(mask: Mask, model: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters that a mask covers.

    Raises:
        BadInput: the mask belongs to another model, or the model uses FSDP or DeepSpeed.
    """
    # Asked without `PartialState()`, which would set one up.
    kind = PartialState._shared_state.get("distributed_type")
    # By name, because DeepSpeed is seldom installed.
    refuse_deepspeed(kind == DistributedType.DEEPSPEED or type(model).__name__ == "DeepSpeedEngine")
    in_pieces = any(isinstance(parameter, DTensor) for parameter in model.parameters())
    refuse_sharding(
        in_pieces
        or isinstance(model, FullyShardedDataParallel)
        or kind in (DistributedType.FSDP, DistributedType.MEGATRON_LM)
    )
    return mask.weights_in(extract_model_from_parallel(model, keep_torch_compile=False))


def refuse_deepspeed(used: bool) -> None:
    """Raises `BadInput` if DeepSpeed is used."""
    if used:
        raise BadInput(
            "a mask cannot be kept under DeepSpeed: it updates copies of the weights, out of sight of the "
            "optimizer, and writes them over the masked ones. Use DDP or one process."
        )


def refuse_sharding(used: bool) -> None:
    """Raises `BadInput` if FSDP or another kind of sharding is used."""
    if used:
        raise BadInput(
            "a mask cannot be kept under FSDP or another sharding: each process holds pieces of the "
            "matrices, which a mask of whole matrices does not fit. Use DDP or one process."
        )
