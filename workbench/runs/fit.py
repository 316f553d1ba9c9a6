"""Taking a stage from where it stands to its end, with evaluations, events and checkpoints."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from torch import Tensor
from tqdm.auto import tqdm

from workbench.errors import Stopped
from workbench.models import forward_flops
from workbench.runs.data import TaskData
from workbench.runs.environment import release_memory
from workbench.runs.events import EventLog
from workbench.runs.stage import Cost, Evaluation, Record, StageFolder
from workbench.training import MaskedTrainer, NonFiniteLoss, recalibrate

CHECKPOINT_SECONDS = 30.0
_TRAIN_EVENT_STEPS = 10


@dataclass
class Fit:
    """The training of one stage.

    Attributes:
        folder: where the stage lives.
        trainer: the model with its recipe and mask, holding the parent's weights.
        data: the task.
        key: decides the order of the training data.
        log: where events go.
        leaves: of the evaluation that counts, the weights with their moments, the weights alone, or nothing.
        mask_path: where the mask of that evaluation goes, if the sparsifier makes it on the way.
    """

    folder: StageFolder
    trainer: MaskedTrainer
    data: TaskData
    key: tuple[str | int, ...]
    log: EventLog
    leaves: Literal["state", "weights", "nothing"]
    mask_path: Path | None = None
    record: Record = field(default_factory=Record)
    best: dict[str, Tensor] = field(default_factory=dict)

    def run(self, until: int | None = None) -> Record:
        """Trains until the recipe ends, or until a given step, and evaluates there.

        What happens does not depend on when checkpoints are written or on how often the stage is
        interrupted.

        Raises:
            Stopped: the loss is no longer finite, or the disk is full.
        """
        until = until or self.trainer.recipe.steps
        self.trainer.on_sample = self._count_sample
        self._resume()
        try:
            self._train(until)
        except NonFiniteLoss as error:
            raise Stopped(
                f"stage {self.folder.stage}: {error}, at learning rate {self.trainer.learning_rate:.2g}. "
                f"The stages that are done are kept in {self.folder.path.parent}. Start a run with a lower "
                "rate: --set dense.lr=... for the dense model, early_lr for a race, lr for the rest."
            ) from error
        return self.record

    def _train(self, until: int) -> None:
        trainer, recipe = self.trainer, self.trainer.recipe
        saved = time.monotonic()
        with _progress_bar(self.folder.stage, trainer.step, until) as bar:
            while trainer.step < until:
                self._step()
                bar.update()
                if recipe.average_from is not None and trainer.step == recipe.steps:
                    self._take_mean()
                if trainer.step == until or recipe.evaluates_at(trainer.step):
                    bar.set_postfix(self._evaluate())
                if time.monotonic() - saved >= CHECKPOINT_SECONDS:
                    self._checkpoint()
                    saved = time.monotonic()
        if until < recipe.steps:
            self._checkpoint()

    def finish(self) -> None:
        """Leaves the best state, or none where it is not kept, and marks the stage as done."""
        stage, record = self.folder.stage, self.record
        outcome = record.evaluations[-1] if self.leaves == "nothing" else record.kept
        self.log.append(stage, "end", self.trainer.step, metrics=outcome.metrics)
        self.folder.finish(record, self.best or None)
        release_memory()
        metrics = ", ".join(f"{name} {value:.3f}" for name, value in outcome.metrics.items())
        print(f"{stage}: validation {metrics} ({record.cost.seconds:.0f} s)", file=sys.stderr, flush=True)

    def _step(self) -> None:
        trainer, recipe = self.trainer, self.trainer.recipe
        started = time.monotonic()
        rate = trainer.learning_rate
        batch = self.data.batch(trainer.step, recipe.batch_size, self.key)
        loss = trainer.advance(batch)
        self._add_cost(*self.data.extent(batch), started)
        if trainer.step % _TRAIN_EVENT_STEPS == 0 or trainer.step == recipe.steps:
            self.log.append(self.folder.stage, "train", step=trainer.step, loss=round(loss, 6), lr=rate)

    def _evaluate(self) -> dict[str, float]:
        trainer = self.trainer
        started = time.monotonic()
        # Diagnostics of candidates, of which there are many, would cost more than they tell.
        lasting = self.leaves != "nothing"
        metrics, seen = self.data.diagnose(trainer.model, trainer.precision, train=lasting)
        if lasting and (mask := trainer.sparsifier.mask) is not None:
            seen["sparsity"] = mask.sparsity
        evaluation = Evaluation(trainer.step, metrics, trainer.sparsifier.settled)
        self.record = self.record.evaluated(evaluation)
        self._add_cost(0, 0, started)
        self.log.append(self.folder.stage, "evaluation", step=trainer.step, metrics=metrics, **seen)
        if self._counts(evaluation):
            self._keep()
        return metrics

    def _take_mean(self) -> None:
        trainer = self.trainer
        trainer.take_mean()
        if trainer.recipe.recalibrate:
            recalibrate(trainer.model, self.data.epoch(trainer.recipe.batch_size, self.key))

    def _counts(self, evaluation: Evaluation) -> bool:
        """Whether the present weights are, so far, those that the stage leaves."""
        if self.leaves == "nothing" or not evaluation.settled:
            return False
        if self.record.keep == "last":
            return evaluation.step == self.trainer.recipe.steps
        return self.record.best is evaluation

    def _keep(self) -> None:
        tensors = self.trainer.tensors()
        age = self.trainer.optimizer_steps
        if self.leaves == "weights":
            tensors, age = {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}, 0
        self.record = self.record.with_moments(age)
        self.best = {name: tensor.clone() for name, tensor in tensors.items()}
        if self.mask_path:
            self.trainer.sparsifier.mask.save(self.mask_path)

    def _add_cost(self, examples: int, length: int, started: float) -> None:
        passes = 3 + (self.trainer.teacher is not None)
        flops = passes * forward_flops(self.trainer.model, examples, length)
        steps = 1 if examples else 0
        self.record = self.record.spent(Cost(steps, examples, flops, time.monotonic() - started))

    def _count_sample(self, batch: Mapping[str, Tensor]) -> None:
        """A look of the sparsifier costs a forward and a backward; its time is in that of the step."""
        examples, length = self.data.extent(batch)
        flops = 3 * forward_flops(self.trainer.model, examples, length)
        self.record = self.record.spent(Cost(0, examples, flops, 0.0))

    def _checkpoint(self) -> None:
        trainer = self.trainer
        best = {f"best.{name}": tensor for name, tensor in self.best.items()}
        about = {"step": trainer.step, "optimizer_steps": trainer.optimizer_steps}
        self.folder.save_checkpoint(trainer.tensors() | best, about, self.record)
        release_memory()

    def _resume(self) -> None:
        stage, checkpoint = self.folder.stage, self.folder.load_checkpoint()
        if checkpoint is None:
            self.record = replace(self.record, keep=self.trainer.recipe.keep)
            self.log.forget(stage, after=-1)
            self.log.append(stage, "start", step=0, steps=self.trainer.recipe.steps)
            return
        tensors, about, self.record = checkpoint
        best = {name: tensor for name, tensor in tensors.items() if name.startswith("best.")}
        self.best = {name.removeprefix("best."): tensor for name, tensor in best.items()}
        self.trainer.restore(tensors, about["optimizer_steps"], about["step"])
        self.log.forget(stage, after=about["step"])


def _progress_bar(stage: str, done: int, total: int) -> tqdm:
    return tqdm(
        desc=stage,
        initial=done,
        total=total,
        unit="step",
        leave=False,
        disable=not sys.stderr.isatty(),
        file=sys.stderr,
    )
