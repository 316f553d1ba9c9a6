"""The training loop: one model, one configuration, and a sparsifier."""

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from math import inf

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from workbench.compute import QuickDropout
from workbench.compute.sparsify import Choice
from workbench.masks import Mask
from workbench.models import embeddings
from workbench.randomness import seeded_globals
from workbench.training.averaging import RunningMean
from workbench.training.config import TrainingConfig
from workbench.training.hardware import autocast, moved
from workbench.training.kept import BITS, KeptWeights, Spread
from workbench.training.losses import LossWatch, NonFiniteLoss
from workbench.training.moments import Moments
from workbench.training.objective import loss_of, model_inputs
from workbench.training.optimizer import MOMENTS, make_optimizer
from workbench.training.parts import activation_room, parts
from workbench.training.sparsifier import FixedMask, Sparsifier


class MaskedTrainer:
    """Trains one model under one configuration, optionally with a mask or another sparsifier.

    Randomness in a step (dropout) is a function of `key` and the step's number, so a trainer restored from
    `tensors()` continues bit for bit.

    Attributes:
        model: the student, on the accelerator's device.
        config: the training configuration.
        sparsifier: keeps the model sparse; the base class in a dense training.
        optimizer: the optimizer, with `state` by parameter.
        step: optimizer steps done so far, of `config.steps`.
        losses: to be checked before the weights are evaluated.
        on_sample: called with every batch of `sample`, if set.
    """

    def __init__(
        self,
        model: nn.Module,
        config: TrainingConfig,
        *,
        key: tuple[str | int, ...],
        mask: Mask | Sparsifier | None = None,
        teacher: nn.Module | Tensor | None = None,
        precision: str = "fp32",
        batches: Callable[[int, int, tuple], Mapping[str, Tensor]] | None = None,
        sparse: Choice | None = None,
        quick_dropout: bool = False,
        in_parts: bool = True,
        read_every: int | None = None,
    ):
        """Prepares the model.

        Args:
            model: the student, with its initial weights unless `restore` is called.
            config: the training configuration.
            key: names the random streams.
            mask: one mask for the whole training, a sparsifier, or None for a dense training.
            teacher: for distillation, the dense model. The mode "logits" also accepts its logits for every
                example of the training split, (examples, outputs); batches must then have "indices".
            precision: "fp32" or "bf16".
            batches: returns a batch for a number, a batch size and a key, for sparsifiers that sample.
            sparse: which matrices are computed with their kept weights alone while a mask is fixed. Their
                layers are then replaced in the model, until `close` is called.
            quick_dropout: draw dropout as `compute.QuickDropout` does, not as torch does.
            in_parts: train on long batches in `parts`.
            read_every: steps between reads of the loss; None for 1 on a CPU and 10 on a GPU.
        """
        # accelerate fixes mixed precision for the whole process; a notebook may train in fp32 after bf16.
        self._accelerator = Accelerator()
        self.model = self._accelerator.prepare_model(model.requires_grad_(True))
        self.teacher = None if teacher is None else teacher.to(self.device)
        if isinstance(self.teacher, nn.Module):
            self.teacher.eval()
        self.losses = LossWatch(self.device, read_every)
        self.config, self.precision = config, precision
        self.step = 0
        self._key = key
        self._quick_dropout = quick_dropout
        self._room = activation_room(model) if in_parts else inf
        self._batches = batches
        self.on_sample: Callable[[Mapping[str, Tensor]], None] | None = None
        self._mean = RunningMean()
        self._kept = KeptWeights(self.model, sparse)
        self.optimizer = None
        self.sparsifier = FixedMask(mask) if isinstance(mask, Mask) else mask or Sparsifier()
        # A weak reference avoids a cycle, so that the optimizer's moments are freed with the trainer.
        self.sparsifier.attach(weakref.proxy(self))
        if config.freeze_embeddings:
            for parameter in embeddings(self.model).values():
                parameter.requires_grad_(False)
        extra = self.sparsifier.parameters().values()
        optimizer = make_optimizer(config, self.model.parameters(), extra, self.sparsifier.lr)
        self.optimizer = self._accelerator.prepare_optimizer(optimizer)
        self._moments = Moments(self.optimizer, MOMENTS[config.optimizer], self._kept)
        self.sparsifier.begin()

    @property
    def device(self) -> torch.device:
        """The device that the model trains on."""
        return self._accelerator.device

    @property
    def learning_rate(self) -> float:
        """That of the next step, or of the last one; the schedule is evaluated at the middle of the step."""
        return self.config.lr * self._rate_factor

    def sample(self, count: int, batch_size: int) -> Iterator[dict[str, Tensor]]:
        """Batches for measurements on the model, on its device; a function of key and step."""
        for number in range(count):
            batch = self._batches(number, batch_size, (*self._key, "sample", self.step))
            if self.on_sample is not None:
                self.on_sample(batch)
            yield moved(batch, self.device)

    def advance(self, batch: Mapping[str, Tensor]) -> float | None:
        """Takes one optimizer step.

        Args:
            batch: the model's inputs, "labels", and, if the teacher's logits are looked up, "indices"; the
                first dimension is the batch.

        Returns:
            The loss before the step, without the sparsifier's penalty; None if it was not read.

        Raises:
            NonFiniteLoss: a loss since the last read is NaN or infinite.
        """
        batch = moved(batch, self.device)
        with self.losses.explaining():
            self.sparsifier.before_forward()
        with self._randomness():
            loss = sum(self._backward(*part) for part in parts(self.model, batch, self._room))
        value = self.losses.take(loss, self.step + 1, last=self.step + 1 == self.config.steps)
        if (penalty := self.sparsifier.penalty()) is not None:
            self._accelerator.backward(penalty)
        with self.losses.explaining():
            self.sparsifier.before_step()
        if self.config.clip:
            self._accelerator.clip_grad_norm_(self._trained().values(), self.config.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak_lr"] * self._rate_factor
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        self._moments.settle(self.step)
        with self.losses.explaining():
            self.sparsifier.after_step()
        if self.config.averages_at(self.step):
            self._mean.add(self._kept.parameters())
        return value

    @torch.no_grad()
    def hold(self, mask: Mask | None) -> None:
        """Declares a mask fixed until the next call, so that kept weights alone may be computed with.

        Where that changes the layers of the model, moments and means of pruned weights are forgotten.

        Args:
            mask: None if the weights that are pruned may change in every step.
        """
        if not self._kept.changes(mask):
            return
        moments = self._moments.of(self._trained()) if self.optimizer else {}
        mean = {name: self._kept.dense(name, tensor) for name, tensor in self._mean.values.items()}
        self._kept.put(mask)
        self._mean.values = {name: self._kept.kept(name, tensor) for name, tensor in mean.items()}
        if self.optimizer:
            steps = self.optimizer_steps
            self.optimizer.param_groups[0]["params"] = list(self.model.parameters())
            self._moments.replace(moments, self._trained(), steps)

    def close(self) -> None:
        """Makes every layer of the model dense again; the trainer is of no use afterwards."""
        self._kept.put(None)

    @torch.no_grad()
    def take_mean(self) -> None:
        """Replaces the weights by the mean of the averaged ones."""
        for name, parameter in self._kept.parameters().items():
            parameter.copy_(self._mean.values[name])

    def tensors(self, compact: bool = False) -> dict[str, Tensor]:
        """All tensors that `restore` needs: `model.*`, moments, `trained.*`, `sparsifier.*` and `mean.*`.

        Names and shapes are those of the dense model. The tensors may share memory with the model and the
        optimizer; clone them to keep them.

        Args:
            compact: what sparse layers have is given as vectors of the kept weights, with the packed masks
                as `kept.*`.

        Raises:
            NonFiniteLoss: the weights have diverged.
            RuntimeError: the sparsifier's check failed, for example because a pruned weight is not zero.
        """
        trained = self.sparsifier.parameters()
        tensors = self.outcome(moments=True, compact=compact) | self._moments.of(trained)
        tensors |= {f"trained.{name}": parameter.detach() for name, parameter in trained.items()}
        tensors |= {f"sparsifier.{name}": tensor for name, tensor in self.sparsifier.tensors().items()}
        return tensors | self._kept.formed("mean", self._mean.values, compact)

    def outcome(self, moments: bool, compact: bool = False) -> dict[str, Tensor]:
        """The tensors that a later stage starts from: `model.*` and optionally the moments of its parameters.

        Shapes, memory and errors are those of `tensors`.
        """
        self.losses.check()
        sparse = {name: layer.values for name, layer in self._kept.layers.items()}
        for name, weight in (self.sparsifier.weights | sparse | self.sparsifier.parameters()).items():
            if not torch.isfinite(weight.detach()).all():
                raise NonFiniteLoss(f"weights of {name} are no longer finite after step {self.step}")
        self.sparsifier.check()
        tensors = self._kept.formed("model", self._kept.tensors(), compact)
        if compact:
            tensors |= {f"{BITS}{name}": bits for name, bits in self._kept.bits().items()}
        return tensors | (self._moments.of(self._kept.parameters(), compact) if moments else {})

    @property
    def optimizer_steps(self) -> int:
        """Steps that the moments have averaged over, including earlier stages."""
        return self._moments.steps

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], optimizer_steps: int, step: int = 0) -> None:
        """Loads weights and moments.

        Args:
            tensors: the result of `tensors()` or `outcome()`; without moments the optimizer starts fresh.
            optimizer_steps: steps that the moments have averaged over.
            step: steps of this configuration already done; 0 for the weights of an earlier stage.
        """
        if not isinstance(self.sparsifier, FixedMask):
            self.sparsifier.hold(None)  # its next mask may keep other weights
        tensors = Spread(tensors, self._kept)
        self._kept.load(tensors)
        self.step = step
        if step:
            for name, parameter in self.sparsifier.parameters().items():
                parameter.copy_(tensors[f"trained.{name}"])
        self._moments.replace(tensors, self._trained(), optimizer_steps)
        if not step:
            self.sparsifier.begin()
            return
        self.sparsifier.restore(_under("sparsifier.", tensors))
        means = _under("mean.", tensors).items()
        self._mean.values = {name: self._kept.kept(name, mean.to(self.device)) for name, mean in means}
        self._mean.count = sum(map(self.config.averages_at, range(1, step + 1)))

    def _backward(self, part: dict[str, Tensor], share: float) -> Tensor:
        """Adds the gradients of a part of the batch; returns its part of the loss."""
        teacher = self.teacher
        if isinstance(teacher, Tensor):
            teacher = teacher[part["indices"]]
        with autocast(self.device, self.precision):
            loss = loss_of(self.model, teacher, model_inputs(part), part["labels"], self.config.distillation)
        loss = share * loss
        self._accelerator.backward(loss)
        return loss.detach()

    @contextmanager
    def _randomness(self) -> Iterator[None]:
        """What a forward pass draws, dropout above all, as a function of the key and the step."""
        key = (*self._key, "dropout", self.step)
        # On other devices it would only slow down every function of torch that a forward pass calls.
        quick = self._quick_dropout and self.device.type == "cpu"
        with seeded_globals(*key), QuickDropout(*key) if quick else nullcontext():
            yield

    @property
    def _rate_factor(self) -> float:
        return self.config.schedule((min(self.step, self.config.steps - 1) + 0.5) / self.config.steps)

    def _trained(self) -> dict[str, nn.Parameter]:
        return self._kept.parameters() | self.sparsifier.parameters()


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensors[name] for name in tensors if name.startswith(prefix)}
