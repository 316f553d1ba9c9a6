"""The base class of all engines: hyper-parameters, and a method that calls the bench.

An engine holds a method's hyper-parameters, and its one method `prune` reads like the paper's pseudo-code.
The bench does the expensive work and skips what is already on disk.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from torch import nn

from workbench.engines.bench import Bench, State
from workbench.errors import BadInput
from workbench.plugins import Registry
from workbench.schedules import Constant
from workbench.settings import Count, NonNegative, Positive, Sparsity, Warmup, settings
from workbench.tasks import Task
from workbench.training import Distillation, TrainingConfig
from workbench.training.config import Schedule

if TYPE_CHECKING:  # transformers takes a while to import
    from transformers import PreTrainedTokenizerBase

Scope = Literal["matrix", "type", "global"]


ENGINES: Registry[type["Engine"]] = Registry("engine")


@settings
class Engine:
    """Hyper-parameters shared by all engines; the defaults are those of paper A's code, section 7.

    A subclass decorated with `@settings` that sets `id` and defines `prune` is registered under its id.

    Attributes:
        sparsity: final share of prunable weights removed; 0.9375 is "16x".
        epochs: training after each pruning step, in passes over the training split.
        lr: peak learning rate.
        total_steps: total optimizer steps, instead of `epochs`, to match another run's cost.
        batch_size: examples per optimizer step.
        optimizer: "adamw", or "sgd" with momentum 0.9 for vision.
        warmup: share of a stage over which the learning rate warms up.
        weight_decay: weight decay of the optimizer. It applies to all parameters, including LayerNorm and
            biases, which the papers' released scripts usually exempt; at 0, which they also use, there is no
            difference.
        clip: maximum norm of the gradient of everything that is trained, scores included; None for no
            clipping. Under a mask, pruned weights have no gradient.
        start: the state that is trained or pruned first: the dense fine-tuned model, or the pretrained
            encoder with a fresh head. Each engine says which one its paper uses. The steps of the dense model
            are part of the cost only if an engine uses it other than as a teacher.
        eval_every: optimizer steps between evaluations; the best evaluated weights are kept.
        freeze_embeddings: whether the embeddings stay fixed while the engine trains. Trainable embeddings
            can learn a bag of words that bypasses the encoder, and then masks matter less.
        distillation: what the student learns from the dense model. Unless an engine sets its own default,
            this is paper A's, with attentions and hidden states, even for methods published with labels
            only, so that engines differ only in their masks. `mode="none"` trains on labels only.
    """

    id: ClassVar[str]
    # Settings that only say where something is whose content another setting has the digest of: the name of a
    # run does not depend on them.
    places: ClassVar[tuple[str, ...]] = ()

    sparsity: Sparsity = 0.9375
    epochs: Positive = 10.0
    lr: Positive = 5e-5
    total_steps: Count | None = None
    batch_size: Count = 64
    optimizer: Literal["adamw", "sgd"] = "adamw"
    warmup: Warmup = 0.1
    weight_decay: NonNegative = 0.0
    clip: Positive | None = None
    eval_every: Count = 50
    freeze_embeddings: bool = False
    start: Literal["dense", "pretrained"] = "dense"
    distillation: Distillation = Distillation()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # Runs twice: the class that the decorator makes has the same name and replaces the plain one.
        if "id" in vars(cls):
            _register(cls)

    def prune(self, bench: Bench) -> State:
        """Finds a mask, trains under it, and returns the state after the last level.

        This method runs twice: first as a dry run, on a bench that trains nothing, to compute the length of
        the run and reject bad settings early, and then for real. It must not have side effects.
        """
        raise NotImplementedError

    def resolve(self, mask_file: Callable[[str], Path]) -> "Engine":
        """This engine with values from other runs filled in; called once, when its spec is made.

        Args:
            mask_file: returns the file of the final mask of the complete run in a given folder.
        """
        return self

    def adapt(self, model: nn.Module, task: Task, tokenizer: "PreTrainedTokenizerBase | None") -> nn.Module:
        """Builds the student that this engine trains from a fresh classifier; the teacher is not adapted.

        Args:
            model: the fresh classifier; the student may hold a copy of it.
            task: the task to learn.
            tokenizer: the model's tokenizer; None for images.
        """
        return model

    def check(self, model: nn.Module) -> None:
        """Rejects a model that this engine cannot prune; called before any work starts.

        Args:
            model: the pretrained encoder with a fresh classifier.

        Raises:
            BadInput: the engine cannot prune this model.
        """

    def first_state(self, bench: Bench) -> State:
        """The state that `start` names."""
        return bench.dense() if self.start == "dense" else bench.pretrained()

    def train_steps(self, bench: Bench) -> int:
        """Optimizer steps of an engine that trains in a single stage."""
        return self.total_steps or bench.steps(self.epochs, self.batch_size)

    def training_config(
        self,
        steps: int,
        *,
        schedule: Callable[..., Schedule] = Constant,
        lr: float | None = None,
        eval_every: int | None = None,
        **others: Any,
    ) -> TrainingConfig:
        """The training configuration of one stage; the arguments override the engine's own values."""
        return TrainingConfig(
            steps=steps,
            lr=lr or self.lr,
            schedule=schedule(warmup=self.warmup),
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            weight_decay=self.weight_decay,
            clip=self.clip,
            eval_every=eval_every or self.eval_every,
            freeze_embeddings=self.freeze_embeddings,
            distillation=self.distillation,
            **others,
        )


def engine_ids() -> tuple[str, ...]:
    """The ids of all registered engines, sorted."""
    return tuple(sorted(ENGINES))


def engine_class(id: str) -> type[Engine]:
    """The engine registered under an id; raises `BadInput` with the closest names if there is none."""
    return ENGINES[id]


def _register(cls: type[Engine]) -> None:
    if cls.prune is Engine.prune:
        raise BadInput(f"engine {cls.id} has no method prune(self, bench); define one.")
    ENGINES.add(cls.id, cls)
