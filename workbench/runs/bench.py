"""The bench: trains and races in named stages, and skips what is already on disk."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cached_property
from pathlib import Path

from torch import nn

from workbench.engines import Entrant
from workbench.files import read_json, write_json
from workbench.masks import Mask
from workbench.models import load_encoder, prunable
from workbench.runs.data import TaskData
from workbench.runs.events import EventLog
from workbench.runs.fit import Fit
from workbench.runs.race import hold_race
from workbench.runs.spec import RunSpec
from workbench.runs.stage import Record, StageFolder
from workbench.runs.tensors import StageState, Tensors
from workbench.training import MaskedTrainer, Recipe, device, load_model_tensors, model_tensors


class StoreBench:
    """The `engines.Bench` of one run folder.

    Attributes:
        root: the run folder.
        model: the one model that all stages train in turn; its weights are those of the stage at work.
        dense_folder: where the dense model is.
        seed: the run's.
        levels: the training stages under a mask so far, in order.
    """

    def __init__(
        self,
        root: Path,
        spec: RunSpec,
        data: TaskData,
        model: nn.Module,
        dense: StageFolder,
        precision: str,
    ):
        self.root = root
        self.model = model
        self.seed = spec.seed
        self.levels: list[str] = []
        self.log = EventLog(root / "events.jsonl")
        self._spec = spec
        self._data = data
        self.dense_folder = dense
        self._precision = precision

    def pretrained(self) -> StageState:
        """The checkpoint with a fresh head."""
        return StageState(lambda: Tensors(self._pretrained_tensors), self._prunable)

    def dense(self) -> StageState:
        """The dense fine-tuned model: where students start, and their teacher."""
        return StageState.of_file(self.dense_folder.state, self._prunable)

    def steps(self, epochs: float, batch_size: int) -> int:
        """Optimizer steps in so many epochs at the run's scale; at least 1."""
        return max(1, round(epochs * self._spec.scale * self._data.steps_per_epoch(batch_size)))

    def train(self, stage: str, state: StageState, recipe: Recipe, mask: Mask | None = None) -> StageState:
        """Trains to the end and returns the weights of the best evaluation."""
        folder = self.folder(stage)
        if mask is not None:
            self.levels.append(stage)
        if folder.record is None:
            if mask is not None:
                mask.save(self.mask_path(stage))
            fit = self._fit(folder, state, recipe, mask, leaves="state")
            fit.run()
            fit.finish()
        return self.state(stage)

    def race(
        self,
        stage: str,
        state: StageState,
        pool: Callable[[], Sequence[Entrant]],
        recipe: Recipe,
        *,
        average: int,
        rounds: int = 1,
    ) -> Mask:
        """Trains `state` briefly under each mask; the best one's mask (see `engines.Bench.race`)."""
        outcome = self.root / "stages" / stage / "race.json"
        if not outcome.exists():
            write_json(outcome, self._hold(stage, state, pool(), recipe, average, rounds))
        return Mask.load(self.mask_path(f"{stage}/candidate-{read_json(outcome)['best']}"))

    def mask_path(self, stage: str) -> Path:
        """Where the mask of a stage is kept."""
        return self.root / "masks" / f"{stage}.safetensors"

    def folder(self, stage: str) -> StageFolder:
        """The files of a stage."""
        return StageFolder(self.root, stage)

    def state(self, stage: str) -> StageState:
        """What a finished training stage left."""
        return StageState.of_file(self.folder(stage).state, self._prunable)

    def model_of(self, state: StageState) -> nn.Module:
        """The bench's one model, with the weights of a state."""
        load_model_tensors(self.model.to(device()), state.read().values)
        return self.model

    def dev(self, state: StageState) -> dict[str, dict[str, float]]:
        """Metrics of a state on every dev split."""
        return self._data.evaluate_dev(self.model_of(state), self._precision)

    def _hold(
        self,
        stage: str,
        state: StageState,
        pool: Sequence[Entrant],
        recipe: Recipe,
        average: int,
        rounds: int,
    ) -> dict:
        names = [f"{stage}/candidate-{candidate}" for candidate in range(len(pool))]
        for name, entrant in zip(names, pool, strict=True):
            entrant.mask.save(self.mask_path(name))

        def compete(candidate: int, until: int) -> Record:
            return self._compete(names[candidate], state, recipe, pool[candidate].mask, until)

        scores, best = hold_race(compete, len(pool), steps=recipe.steps, rounds=rounds, average=average)
        for name in names:
            self.folder(name).settle()
        candidates = [
            {**entrant.about, "score": score, "mask": entrant.mask.digest}
            for entrant, score in zip(pool, scores, strict=True)
        ]
        return {"best": best, "average": average, "candidates": candidates}

    def _compete(self, stage: str, state: StageState, recipe: Recipe, mask: Mask, until: int) -> Record:
        folder = self.folder(stage)
        if folder.record is None:
            fit = self._fit(folder, state, recipe, mask, leaves="nothing")
            record = fit.run(until)
            if until < recipe.steps:
                return record
            fit.finish()
        return folder.record

    def _fit(
        self, folder: StageFolder, state: StageState, recipe: Recipe, mask: Mask | None, leaves: str
    ) -> Fit:
        key = (self.seed, folder.stage)
        teacher = None if recipe.distillation.mode == "none" else self._teacher
        trainer = MaskedTrainer(
            self.model, recipe, key=key, mask=mask, teacher=teacher, precision=self._precision
        )
        parent = state.read()
        trainer.restore(parent.values, parent.optimizer_steps)
        return Fit(folder, trainer, self._data, key, self.log, leaves)

    @cached_property
    def _prunable(self) -> tuple[str, ...]:
        return tuple(prunable(self.model))

    @cached_property
    def _pretrained_tensors(self) -> dict:
        model = load_encoder(self._spec.model, self._data.task.num_outputs, self.seed)
        return {f"model.{name}": tensor.detach() for name, tensor in model_tensors(model).items()}

    @cached_property
    def _teacher(self) -> nn.Module:
        teacher = deepcopy(self.model)
        load_model_tensors(teacher, self.dense().read().values)
        return teacher.requires_grad_(False)
