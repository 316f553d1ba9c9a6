"""Trains single stages of a run, for its bench and for its worker processes."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from workbench.execution.assignment import Assignment
from workbench.execution.computing import computes_sparsely, sparse_choice
from workbench.execution.environment import (
    CACHED_TEACHER,
    LONG_BATCHES_IN_PARTS,
    QUICK_DROPOUT,
    release_memory,
)
from workbench.execution.models import RunModels
from workbench.execution.stage_training import Output, StageTraining
from workbench.masks import Mask
from workbench.runs.events import EventLog
from workbench.runs.layout import RunFolder
from workbench.runs.records import Record
from workbench.runs.spec import RunSpec
from workbench.runs.stage_folder import StageFolder
from workbench.runs.states import Order, StageState
from workbench.training import MaskedTrainer, Sparsifier, TrainingConfig
from workbench.training.data import TaskData


class StageRunner:
    """Trains stages of one run folder, one at a time, with the run's one student.

    Attributes:
        log: takes the events.
    """

    def __init__(
        self,
        folder: RunFolder,
        spec: RunSpec,
        data: TaskData,
        models: RunModels,
        environment: Mapping[str, Any],
    ):
        self.log = EventLog(folder.events)
        self._folder = folder
        self._seed = spec.seed
        self._data = data
        self._models = models
        self._precision = environment["precision"]
        self._practices = environment.get("practices", ())
        self._compute = environment.get("compute")

    def carry_out(self, assignment: Assignment) -> Record:
        """Trains or resumes a candidate or a particle."""
        given = assignment
        mask = Mask.load(self._folder.mask(given.mask_of))
        folder = StageFolder(self._folder, given.stage)
        return self.train(folder, given.state, given.config, mask, given.output, given.stream, given.until)

    def train(
        self,
        folder: StageFolder,
        state: StageState,
        config: TrainingConfig,
        mask: Mask | Sparsifier | None,
        output: Output | None,
        stream: str,
        until: int | None = None,
    ) -> Record:
        """Trains a stage to its end, or a candidate to the end of a round; does nothing if it is complete.

        Args:
            folder: the stage.
            state: the state that it starts from.
            config: the training configuration.
            mask: a mask, a sparsifier, or None for dense training.
            output: what the stage saves; None for a candidate of which only the record is used.
            stream: names its random streams.
            until: the step to train to; None for the whole training.
        """
        if (record := folder.record) is not None:
            return record
        order = state.order or Order(stream)
        training = StageTraining(
            folder,
            self._trainer(state, config, mask, stream),
            self._data,
            (self._seed, order.stream),
            self.log,
            output,
            first=order.steps,
        )
        try:
            record = training.run(until)
            if until is None or until == config.steps:
                training.finish()
                record = training.record
        finally:
            # The next stage trains the same student, perhaps under another mask.
            training.trainer.close()
        # The optimizer's moments go before the freed memory is returned.
        del training
        release_memory()
        return record

    def teacher(self, mode: str) -> nn.Module | Tensor | None:
        """The teacher of a distillation mode: the dense model, or its logits for the training split."""
        if mode == "none":
            return None
        is_cached = CACHED_TEACHER in self._practices and not self._data.task.augmented
        return self._models.teacher_logits if mode == "logits" and is_cached else self._models.dense

    def _trainer(
        self, state: StageState, config: TrainingConfig, mask: Mask | Sparsifier | None, stream: str
    ) -> MaskedTrainer:
        # First, since the dense model may have to be fine-tuned, which needs the memory.
        teacher = self.teacher(config.distillation.mode)
        parent = state.read()
        trainer = MaskedTrainer(
            self._models.student,
            config,
            key=(self._seed, stream),
            mask=mask,
            teacher=teacher,
            precision=self._precision,
            batches=self._data.batch,
            sparse=sparse_choice(self._compute, config),
            quick_dropout=QUICK_DROPOUT in self._practices and computes_sparsely(self._compute),
            in_parts=LONG_BATCHES_IN_PARTS in self._practices,
        )
        trainer.restore(parent.values, parent.optimizer_steps)
        return trainer
