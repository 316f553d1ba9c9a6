"""The training loop: AdamW on a model whose pruned weights stay zero."""

import math
from collections.abc import Mapping

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from workbench.masks import Mask
from workbench.models import prunable
from workbench.randomness import seeded_globals
from workbench.training.hardware import autocast
from workbench.training.objective import loss_of
from workbench.training.recipe import Recipe

_MOMENTS = ("exp_avg", "exp_avg_sq")


class NonFiniteLoss(ArithmeticError):
    """The loss became NaN or infinite, or the weights did."""


class MaskedTrainer:
    """Trains one model under one recipe and, where given, one fixed mask.

    The mask is applied to the weights at the start and after every optimizer step, as in paper A's code:
    masking the gradients alone would let Adam's momentum revive weights. What is random in a step
    (dropout) is a function of `key` and the step's number, so a trainer that is restored from
    `tensors()` goes on bit for bit.

    Attributes:
        model: the student, on the accelerator's device.
        recipe: how it trains.
        step: optimizer steps done so far, of `recipe.steps`.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        *,
        key: tuple[str | int, ...],
        mask: Mask | None = None,
        teacher: nn.Module | None = None,
        precision: str = "fp32",
    ):
        # Mixed precision is torch's own autocast: accelerate fixes it once a process, and a notebook
        # may well train in fp32 after bf16.
        self._accelerator = Accelerator()
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True
        )
        self.model, self._optimizer = self._accelerator.prepare(model, optimizer)
        self.teacher = teacher and teacher.to(self.device).eval()
        self.recipe = recipe
        self.precision = precision
        self.step = 0
        self._key = key
        self._masked = self._masked_weights(mask) if mask else []
        self._apply_mask()

    @property
    def device(self) -> torch.device:
        """Where the model trains."""
        return self._accelerator.device

    @property
    def learning_rate(self) -> float:
        """The rate of the next step; the schedule is read at the middle of the step."""
        return self.recipe.lr * self.recipe.schedule((self.step + 0.5) / self.recipe.steps)

    def advance(self, batch: Mapping[str, Tensor]) -> float:
        """Takes one optimizer step.

        Args:
            batch: the model's inputs and "labels", first dimension the batch.

        Returns:
            The loss before the step.

        Raises:
            NonFiniteLoss: the loss is NaN or infinite.
        """
        inputs = {name: tensor.to(self.device) for name, tensor in batch.items()}
        labels = inputs.pop("labels")
        with seeded_globals(*self._key, "dropout", self.step), autocast(self.device, self.precision):
            loss = loss_of(self.model, self.teacher, inputs, labels, self.recipe.distillation)
        value = loss.item()
        if not math.isfinite(value):
            raise NonFiniteLoss(f"the loss is {value} at step {self.step + 1}")
        self._accelerator.backward(loss)
        if self.recipe.clip:
            self._accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        for group in self._optimizer.param_groups:
            group["lr"] = self.learning_rate
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._apply_mask()
        self.step += 1
        return value

    def tensors(self) -> dict[str, Tensor]:
        """Everything that `restore` needs but the step: `model.*`, `exp_avg.*`, `exp_avg_sq.*`.

        The tensors share memory with the model and the optimizer: clone them to keep them.

        Raises:
            NonFiniteLoss: the weights have diverged.
            RuntimeError: a pruned weight is not zero, which would be a defect of this class.
        """
        for name, weight, keep in self._masked:
            if not torch.isfinite(weight.detach()).all():
                raise NonFiniteLoss(f"weights of {name} are no longer finite after step {self.step}")
            if torch.count_nonzero(weight.detach() * (1 - keep)):
                raise RuntimeError(f"a pruned weight of {name} revived at step {self.step}")
        tensors = {f"model.{name}": tensor.detach() for name, tensor in model_tensors(self.model).items()}
        for name, parameter in self.model.named_parameters():
            state = self._optimizer.state.get(parameter, {})
            tensors |= {f"{moment}.{name}": state[moment] for moment in _MOMENTS if moment in state}
        return tensors

    @property
    def optimizer_steps(self) -> int:
        """Steps that the moments have averaged over, earlier stages included (Adam's bias correction)."""
        return max((int(state["step"]) for state in self._optimizer.state.values()), default=0)

    def restore(self, tensors: Mapping[str, Tensor], optimizer_steps: int, step: int = 0) -> None:
        """Takes over weights and moments, then applies the mask.

        Args:
            tensors: what `tensors()` gave, with or without moments; without them the optimizer is fresh.
            optimizer_steps: steps that the moments have averaged over.
            step: steps already done of this recipe.
        """
        load_model_tensors(self.model, tensors)
        self._optimizer.state.clear()
        for name, parameter in self.model.named_parameters():
            if f"exp_avg.{name}" in tensors:
                moments = {moment: tensors[f"{moment}.{name}"].clone().to(self.device) for moment in _MOMENTS}
                count = torch.tensor(float(optimizer_steps), device=self.device)
                self._optimizer.state[parameter] = {"step": count, **moments}
        self.step = step
        self._apply_mask()

    def _masked_weights(self, mask: Mask) -> list[tuple[str, nn.Parameter, Tensor]]:
        mask.apply_(self.model)  # refuses a mask of another model
        weights = prunable(self.model)
        return [(name, weights[name], mask[name].to(weights[name])) for name in mask.names]

    @torch.no_grad()
    def _apply_mask(self) -> None:
        for _, weight, keep in self._masked:
            weight.mul_(keep)


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """A model's parameters, tied ones once, and its persistent buffers."""
    parameters = dict(model.named_parameters())
    tied = dict(model.named_parameters(remove_duplicate=False)).keys()
    return parameters | {name: value for name, value in model.state_dict().items() if name not in tied}


@torch.no_grad()
def load_model_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copies the `model.*` entries of `tensors` into a model of the same architecture."""
    for name, target in model_tensors(model).items():
        target.copy_(tensors[f"model.{name}"])
