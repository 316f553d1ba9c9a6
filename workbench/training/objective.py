"""The loss: the task's own, or the distance from the dense teacher's outputs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from workbench.training.config import Distillation

if TYPE_CHECKING:  # transformers takes a while to import
    from transformers.modeling_outputs import SequenceClassifierOutput


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy for class labels, squared error for scores.

    Args:
        logits: (batch, outputs), float32; outputs is 1 for regression.
        labels: (batch,), int64 classes or float32 scores.
    """
    if labels.is_floating_point():
        return F.mse_loss(logits.squeeze(-1), labels)
    return F.cross_entropy(logits, labels)


def logit_loss(logits: Tensor, teacher: Tensor, labels: Tensor, distillation: Distillation) -> Tensor:
    """h T^2 KL(teacher || student) + (1 - h) label loss, at temperature T and hardness h.

    For regression the KL term is the squared error to the teacher's score.
    """
    if labels.is_floating_point():
        soft = F.mse_loss(logits, teacher)
    else:
        temperature = distillation.temperature
        soft = temperature**2 * F.kl_div(
            F.log_softmax(logits / temperature, -1),
            F.log_softmax(teacher / temperature, -1),
            reduction="batchmean",
            log_target=True,
        )
    return distillation.hardness * soft + (1 - distillation.hardness) * label_loss(logits, labels)


def tinybert_loss(
    student: "SequenceClassifierOutput",
    teacher: "SequenceClassifierOutput",
    labels: Tensor,
    temperature: float,
) -> Tensor:
    """Sum of squared errors of attentions and hidden states, and the soft-label cross-entropy.

    Paper A, section 7 (released code): the attentions are those that the library returns, after the
    softmax, A_l of (batch, heads, length, length). H_0 is the embedding output. The cross-entropy is
    averaged over classes as well. For regression the last term is the squared error to the label. Padded
    positions count, as in the code; batches of similar lengths have few of them. The teacher's attentions and
    hidden states may be overwritten.
    """
    attention = sum(map(squared_error, student.attentions, teacher.attentions))
    hidden = sum(map(squared_error, student.hidden_states, teacher.hidden_states))
    logits = student.logits.float()
    if labels.is_floating_point():
        return attention + hidden + label_loss(logits, labels)
    soft = F.softmax(teacher.logits.float() / temperature, -1)
    return attention + hidden - (soft * F.log_softmax(logits / temperature, -1)).mean()


def squared_error(student: Tensor, teacher: Tensor) -> Tensor:
    """Their mean squared error in float32, with gradients for `student`; `teacher` may be overwritten."""
    return _SquaredError.apply(student, teacher)


def model_inputs(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a batch that a model takes: all but labels and indices."""
    return {name: tensor for name, tensor in batch.items() if name not in ("labels", "indices")}


def loss_of(
    model: nn.Module,
    teacher: nn.Module | Tensor | None,
    inputs: dict[str, Tensor],
    labels: Tensor,
    distillation: Distillation,
) -> Tensor:
    """The scalar loss of one batch, with gradients for `model` alone.

    Args:
        model: the student.
        teacher: the frozen dense model, in eval mode, or its logits for these examples, (batch, outputs),
            which the mode "logits" also accepts; None if the mode is "none".
        inputs: the models' inputs.
        labels: (batch,).
        distillation: how the teacher is used.
    """
    if distillation.mode == "none":
        return label_loss(model(**inputs).logits.float(), labels)
    if distillation.mode == "logits":
        logits = teacher if isinstance(teacher, Tensor) else _ask(teacher, inputs).logits.float()
        return logit_loss(model(**inputs).logits.float(), logits, labels, distillation)
    wanted = {"output_attentions": True, "output_hidden_states": True}
    target = _ask(teacher, inputs | wanted)
    return tinybert_loss(model(**inputs, **wanted), target, labels, distillation.temperature)


@torch.no_grad()
def _ask(teacher: nn.Module, inputs: dict) -> "SequenceClassifierOutput":
    return teacher(**inputs)


class _SquaredError(Function):
    """`F.mse_loss` in float32, bit for bit, that keeps the difference for the backward pass and neither side.

    The difference takes the teacher's memory: of a long batch, attentions are the largest tensors.
    """

    @staticmethod
    def forward(ctx, student, teacher):
        ctx.dtype = student.dtype
        student, teacher = student.float(), teacher.float()
        loss = F.mse_loss(student, teacher)
        ctx.save_for_backward(torch.sub(student, teacher, out=teacher))
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        (difference,) = ctx.saved_tensors
        return (difference * (2 / difference.numel())).mul_(g).to(ctx.dtype), None
