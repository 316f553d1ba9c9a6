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
from workbench.runs.drops import dropped
from workbench.runs.events import EventLog
from workbench.runs.fit import Fit
from workbench.runs.predictions import Predictions
from workbench.runs.race import hold_race
from workbench.runs.spec import RunSpec
from workbench.runs.speed import EXAMPLES as FORWARD_EXAMPLES
from workbench.runs.speed import forward_milliseconds
from workbench.runs.stage import Evaluation, Record, StageFolder
from workbench.runs.tensors import StageState, Tensors
from workbench.scores import Scores
from workbench.training import (
    CALIBRATION_BATCH_SIZE,
    CALIBRATION_BATCHES,
    MaskedTrainer,
    Recipe,
    Sparsifier,
    device,
    load_model_tensors,
    mean_of,
    model_tensors,
    recalibrate,
    saliency,
)


class StoreBench:
    """The `engines.Bench` of one run folder.

    Attributes:
        root: the run folder.
        model: the one model that all stages train in turn; its weights are those of the stage at work.
        seed: the run's.
        levels: the stages under a mask so far, in order.
    """

    def __init__(
        self,
        root: Path,
        spec: RunSpec,
        data: TaskData,
        classifier: nn.Module,
        student: nn.Module,
        dense: Callable[[], StageFolder],
        precision: str,
    ):
        self.root = root
        self.seed = spec.seed
        self.levels: list[str] = []
        self.log = EventLog(root / "events.jsonl")
        self._spec = spec
        self._data = data
        self._make_dense = dense
        self._precision = precision
        self._classifier = classifier
        self.model = student

    @cached_property
    def dense_folder(self) -> StageFolder:
        """Where the dense model is; it is made when it is first asked for, after an engine's own checks."""
        return self._make_dense()

    def pretrained(self) -> StageState:
        """The checkpoint with a fresh head."""
        return StageState(lambda: Tensors(self._pretrained_tensors), self._prunable)

    def dense(self) -> StageState:
        """The dense fine-tuned model: where students start, and their teacher."""
        return StageState.of_file(self.dense_folder.state, self._prunable)

    def steps(self, epochs: float, batch_size: int) -> int:
        """Optimizer steps in so many epochs at the run's scale; at least 1."""
        return self._data.steps(epochs * self._spec.scale, batch_size)

    def train(
        self, stage: str, state: StageState, recipe: Recipe, mask: Mask | Sparsifier | None = None
    ) -> StageState:
        """Trains to the end and returns the weights that the recipe keeps."""
        if mask is not None:
            self.levels.append(stage)
        if isinstance(mask, Mask):
            mask.save(self.mask_path(stage))
        self._train(stage, state, recipe, mask, stream=stage)
        return self.state(stage)

    def average(
        self, stage: str, state: StageState, recipe: Recipe, mask: Mask, particles: int
    ) -> StageState:
        """Trains particles that differ in their streams of randomness alone, and averages them."""
        self.levels.append(stage)
        folder = self.folder(stage)
        if folder.record is None:
            mask.save(self.mask_path(stage))
            names = [f"{stage}/particle-{particle}" for particle in range(particles)]
            # The first particle has the stream of a training without particles, so that one alone is that.
            for name, stream in zip(names, [stage, *names[1:]], strict=True):
                self._train(name, state, recipe, mask, stream)
            self._finish_average(folder, names, recipe)
        return self.state(stage)

    def scores(self, state: StageState, criterion: str) -> Scores:
        """Scores of a state's weights; what a criterion asks for is looked up on a few training examples."""
        model = self.model_of(state).requires_grad_(True)
        key = (self.seed, "scores", criterion)
        batches = (
            self._data.batch(number, CALIBRATION_BATCH_SIZE, key) for number in range(CALIBRATION_BATCHES)
        )
        return saliency(criterion, prunable(model), seed=self.seed, model=model, batches=batches)

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

    def dense_dev(self) -> dict[str, Predictions]:
        """What the dense model says about every dev split."""
        return self._data.predict_dev(self._dense_model, self._precision)

    def dev(self, state: StageState) -> dict[str, Predictions]:
        """What the student with a state's weights says about every dev split."""
        return self._data.predict_dev(self.model_of(state), self._precision)

    def milliseconds(self, state: StageState) -> dict[str, float]:
        """What a forward of a few training examples takes, by a state's student and by the dense model."""
        models = {"pruned": self.model_of(state), "dense": self._dense_model}
        batch = self._data.batch(0, FORWARD_EXAMPLES, (self.seed, "milliseconds"))
        taken = forward_milliseconds(models, batch, self._precision)
        return {"examples": len(batch["labels"]), **taken}

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

        scores, best, out = hold_race(
            compete,
            len(pool),
            steps=recipe.steps,
            rounds=rounds,
            average=average,
            dropped=lambda: dropped(self.root, stage),
        )
        for name in names:
            self.folder(name).settle()
        candidates = [
            {**entrant.about, "score": score, "mask": entrant.mask.digest}
            for entrant, score in zip(pool, scores, strict=True)
        ]
        outcome = {"best": best, "average": average, "candidates": candidates}
        return outcome | {"dropped": out} if out else outcome

    def _compete(self, stage: str, state: StageState, recipe: Recipe, mask: Mask, until: int) -> Record:
        folder = self.folder(stage)
        if folder.record is None:
            fit = self._fit(folder, state, recipe, mask, leaves="nothing")
            record = fit.run(until)
            if until < recipe.steps:
                return record
            fit.finish()
        return folder.record

    def _train(
        self,
        stage: str,
        state: StageState,
        recipe: Recipe,
        mask: Mask | Sparsifier | None,
        stream: str,
    ) -> None:
        folder = self.folder(stage)
        if folder.record is not None:
            return
        fit = self._fit(folder, state, recipe, mask, leaves="state", stream=stream)
        if isinstance(mask, Sparsifier):
            fit.mask_path = self.mask_path(stage)
        fit.run()
        fit.finish()

    def _finish_average(self, folder: StageFolder, names: list[str], recipe: Recipe) -> None:
        """Leaves the particles' mean as a stage, whose cost is that of the particles."""
        records = [self.folder(name).record for name in names]
        mean = mean_of([self.state(name).read().values for name in names])
        weights = {name: value for name, value in mean.items() if name.startswith("model.")}
        model = self.model.to(device())
        load_model_tensors(model, weights)
        if recipe.recalibrate and len(names) > 1:
            recalibrate(model, self._data.epoch(recipe.batch_size, (self.seed, folder.stage)))
        metrics = self._data.evaluate(model, self._precision)
        record = Record(keep="last").evaluated(Evaluation(recipe.steps, metrics))
        for particle in records:
            record = record.spent(particle.cost)
        self.log.append(folder.stage, "evaluation", step=recipe.steps, metrics=metrics)
        folder.finish(record, {f"model.{name}": value for name, value in model_tensors(model).items()})

    def _fit(
        self,
        folder: StageFolder,
        state: StageState,
        recipe: Recipe,
        mask: Mask | Sparsifier | None,
        leaves: str,
        stream: str | None = None,
    ) -> Fit:
        key = (self.seed, stream or folder.stage)
        teacher = None if recipe.distillation.mode == "none" else self._dense_model
        trainer = MaskedTrainer(
            self.model,
            recipe,
            key=key,
            mask=mask,
            teacher=teacher,
            precision=self._precision,
            batches=self._data.batch,
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
        model = self._spec.engine.adapt(model, self._data.task, self._data.tokenizer)
        return {f"model.{name}": tensor.detach() for name, tensor in model_tensors(model).items()}

    @cached_property
    def _dense_model(self) -> nn.Module:
        """The dense classifier: what students learn from and are compared with."""
        model = deepcopy(self._classifier).to(device())
        load_model_tensors(model, self.dense().read().values)
        return model.requires_grad_(False).eval()
