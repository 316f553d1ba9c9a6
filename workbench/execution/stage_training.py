"""Trains one stage from its latest checkpoint to its end, with evaluations, events and checkpoints."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from workbench.errors import Stopped
from workbench.execution.environment import release_memory
from workbench.models import forward_flops
from workbench.runs.events import EventLog
from workbench.runs.records import Cost, Evaluation, Record
from workbench.runs.stage_folder import StageFolder
from workbench.schedules import steps_at_peak
from workbench.training import MaskedTrainer, NonFiniteLoss, TrainingConfig, progress_bar, recalibrate
from workbench.training.data import TaskData
from workbench.training.parts import extent

CHECKPOINT_SECONDS = 30.0
_TRAIN_EVENT_STEPS = 10


@dataclass(frozen=True)
class Output:
    """What a stage saves besides its record: the weights of its best or last evaluation.

    Attributes:
        moments: whether to save the optimizer's moments too.
        mask: the file for the mask of that evaluation, if the sparsifier makes it during training.
        diagnose: whether evaluations also use the sample of train.
    """

    moments: bool = True
    mask: Path | None = None
    diagnose: bool = True


@dataclass
class StageTraining:
    """The training of one stage.

    Attributes:
        folder: the stage on disk.
        trainer: has the parent's weights.
        data: the task.
        key: determines the order of the training data.
        log: receives the events.
        output: what the stage saves; None for a candidate of a race, of which only scores are used.
        first: number of batches of the order that were used before the stage.
        record: evaluations and cost so far.
        best: the step whose weights, saved in the folder, would be the outcome if the stage ended now.
    """

    folder: StageFolder
    trainer: MaskedTrainer
    data: TaskData
    key: tuple[str | int, ...]
    log: EventLog
    output: Output | None
    first: int = 0
    record: Record = field(default_factory=Record)
    best: int | None = None
    _best_of_checkpoint: int | None = None

    def run(self, until: int | None = None) -> Record:
        """Trains until the stage ends, or until a given step, and evaluates there.

        The outcome does not depend on when checkpoints are written or how often the stage is interrupted.

        Raises:
            Stopped: the loss is no longer finite, or the disk or the memory of the GPU is full.
        """
        trainer, config = self.trainer, self.trainer.config
        until = until or config.steps
        trainer.on_sample = self._count_sample
        try:
            self._resume()
            saved = time.monotonic()
            with progress_bar(self.folder.stage, until, done=trainer.step) as bar:
                while trainer.step < until:
                    self._advance()
                    bar.update()
                    if trainer.step == until or config.evaluates_at(trainer.step):
                        interim = trainer.step < until and config.interim_examples is not None
                        bar.set_postfix(self._evaluate(interim))
                    if time.monotonic() - saved >= CHECKPOINT_SECONDS:
                        self._save_checkpoint()
                        saved = time.monotonic()
            if until < config.steps:
                self._save_checkpoint()
        except NonFiniteLoss as error:
            raise Stopped(
                f"stage {self.folder.stage}: {error}, at learning rate {trainer.learning_rate:.2g}. "
                f"Complete stages are kept in {self.folder.paths.folder.parent}. Start a run with a lower "
                "rate: --set dense.lr=... for the dense model, early_lr for a race, lr for the rest."
            ) from error
        except torch.OutOfMemoryError as error:
            raise Stopped(
                f"stage {self.folder.stage}: the GPU's memory is full. What was saved is intact; free some "
                "of it or give fewer --jobs, then run the same command to resume."
            ) from error
        finally:
            # A cycle of references would keep the optimizer's moments until the collector runs.
            trainer.on_sample = None
        return self.record

    def finish(self) -> None:
        """Saves the outcome of the stage and marks it as complete."""
        config, sparsifier = self.trainer.config, self.trainer.sparsifier
        recovery = recovered(config, mask=sparsifier.changed_at, sparsity=sparsifier.settled_at)
        self.record = record = replace(self.record, recovery=recovery)
        stage = self.folder.stage
        outcome = record.kept if self.output else record.evaluations[-1]
        self.log.append(stage, "end", self.trainer.step, metrics=outcome.metrics)
        self.folder.finish(record, self.best)
        metrics = ", ".join(f"{name} {value:.3f}" for name, value in outcome.metrics.items())
        print(f"{stage}: validation {metrics} ({record.cost.seconds:.0f} s)", file=sys.stderr, flush=True)

    def _advance(self) -> None:
        """One optimizer step; after the last one, the mean of the weights if the stage averages them."""
        trainer, config = self.trainer, self.trainer.config
        started, rate = time.monotonic(), trainer.learning_rate
        batch = self.data.batch(self.first + trainer.step, config.batch_size, self.key)
        loss = trainer.advance(batch)
        self._add_cost(*extent(batch), started)
        due = trainer.step % _TRAIN_EVENT_STEPS == 0 or trainer.step == config.steps
        if due and loss is not None:
            self.log.append(self.folder.stage, "train", step=trainer.step, loss=round(loss, 6), lr=rate)
        if config.average_from is not None and trainer.step == config.steps:
            trainer.take_mean()
            if config.recalibrate:
                recalibrate(trainer.model, self.data.epoch(config.batch_size, self.key))

    def _evaluate(self, interim: bool) -> dict[str, float]:
        trainer = self.trainer
        trainer.losses.check()
        examples = trainer.config.interim_examples if interim else trainer.config.eval_examples
        started = time.monotonic()
        # For candidates, of which there are many, diagnostics would cost more than they are worth.
        metrics, diagnostics = self.data.diagnose(
            trainer.model,
            trainer.precision,
            train=self.output is not None and self.output.diagnose,
            examples=examples,
        )
        if examples is not None:
            diagnostics["examples"] = examples
        if self.output and (mask := trainer.sparsifier.mask) is not None:
            diagnostics["sparsity"] = mask.sparsity
        loss = diagnostics["validation_loss"]
        evaluation = Evaluation(trainer.step, metrics, trainer.sparsifier.settled, loss, interim)
        self.record = self.record.evaluated(evaluation)
        self._add_cost(0, 0, started)
        self.log.append(self.folder.stage, "evaluation", step=trainer.step, metrics=metrics, **diagnostics)
        if self.output and self._counts(evaluation):
            self._keep(self.output)
        return metrics

    def _counts(self, evaluation: Evaluation) -> bool:
        """Whether the current weights would be the outcome if the stage ended now."""
        if not evaluation.settled or evaluation.interim:
            return False
        if self.record.keep == "last":
            return evaluation.step == self.trainer.config.steps
        return self.record.best is evaluation

    def _keep(self, output: Output) -> None:
        steps = self.trainer.optimizer_steps if output.moments else 0
        self.record = self.record.with_moments(steps)
        self.best = self.trainer.step
        self.folder.save_best(self.best, self.trainer.outcome(output.moments), steps)
        self.folder.drop_bests(keep=(self.best, self._best_of_checkpoint))
        if output.mask:
            self.trainer.sparsifier.mask.save(output.mask)

    def _add_cost(self, examples: int, length: int, started: float) -> None:
        passes = 3 + isinstance(self.trainer.teacher, nn.Module)
        flops = passes * forward_flops(self.trainer.model, examples, length)
        steps = 1 if examples else 0
        self.record = self.record.spent(Cost(steps, examples, flops, time.monotonic() - started))

    def _count_sample(self, batch: Mapping[str, Tensor]) -> None:
        """Adds the FLOPs of a sparsifier's forward and backward pass; their time is part of the step's."""
        examples, length = extent(batch)
        flops = 3 * forward_flops(self.trainer.model, examples, length)
        self.record = self.record.spent(Cost(0, examples, flops, 0.0))

    def _save_checkpoint(self) -> None:
        trainer = self.trainer
        facts = {"step": trainer.step, "optimizer_steps": trainer.optimizer_steps}
        self.folder.save_checkpoint(trainer.tensors(compact=True), facts, self.record, self.best)
        self._best_of_checkpoint = self.best
        self.folder.drop_bests(keep=(self.best,))
        release_memory()

    def _resume(self) -> None:
        stage, checkpoint = self.folder.stage, self.folder.load_checkpoint()
        if checkpoint is None:
            self.record = replace(self.record, keep=self.trainer.config.keep)
            self.log.forget(stage, after=-1)
            self.log.append(stage, "start", step=0, steps=self.trainer.config.steps)
            return
        tensors, facts, self.record, self.best = checkpoint
        self._best_of_checkpoint = self.best
        self.trainer.restore(tensors, facts["optimizer_steps"], facts["step"])
        self.log.forget(stage, after=facts["step"])


def recovered(config: TrainingConfig, **since: int) -> dict[str, float]:
    """Steps at peak rate from each of the given steps to the end of training."""
    return {
        name: round(steps_at_peak(config.schedule, config.steps, step), 3) for name, step in since.items()
    }
