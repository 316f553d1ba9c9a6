"""The bench of a run: trains and races in named stages, and skips what is already on disk."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.engines import Candidate, RaceRules
from workbench.execution.assignment import Assignment
from workbench.execution.environment import INTERIM_EVALUATIONS, PROPORTIONATE_RACES
from workbench.execution.models import RunModels
from workbench.execution.parallel import StagePool
from workbench.execution.proportion import in_proportion
from workbench.execution.race import hold_race
from workbench.execution.stage_runner import StageRunner
from workbench.execution.stage_training import Output, recovered
from workbench.execution.start_mask import StartMask
from workbench.masks import Mask
from workbench.models import prunable
from workbench.runs.layout import RunFolder
from workbench.runs.races import RaceOutcome, dropped
from workbench.runs.records import Evaluation, Record
from workbench.runs.spec import RunSpec
from workbench.runs.stage_folder import StageFolder
from workbench.runs.states import Order, StageState
from workbench.scores import Scores
from workbench.stages import Stage
from workbench.training import (
    CALIBRATION_BATCH_SIZE,
    CALIBRATION_BATCHES,
    Sparsifier,
    TrainingConfig,
    device,
    load_model_tensors,
    mean_of,
    model_tensors,
    recalibrate,
    saliency,
)
from workbench.training.data import TaskData


class RunBench:
    """The `engines.Bench` of one run folder.

    Attributes:
        seed: the seed of the run.
        levels: the stages under a mask so far, in order.
        used_dense: whether the engine has asked for the dense model.
    """

    def __init__(
        self,
        folder: RunFolder,
        spec: RunSpec,
        data: TaskData,
        models: RunModels,
        environment: Mapping[str, Any],
        start: StartMask,
        pool: StagePool | None = None,
    ):
        self.seed = spec.seed
        self.levels: list[Stage] = []
        self.used_dense = False
        self._scale = spec.scale
        self._folder = folder
        self._data = data
        self._models = models
        self._precision = environment["precision"]
        self._practices = environment.get("practices", ())
        self._runner = StageRunner(folder, spec, data, models, environment)
        self._start = start
        self._pool = pool

    def pretrained(self) -> StageState:
        """The pretrained encoder with a fresh head."""
        return self._models.pretrained()

    def dense(self) -> StageState:
        """The dense fine-tuned model, the starting point of students and their teacher."""
        self.used_dense = True
        return self._models.dense_state()

    def rewind_point(self, run: str) -> StageState:
        """The rewind point of another run (see `engines.Bench.rewind_point`)."""
        return self._models.rewind_point(run)

    def steps(self, epochs: float, batch_size: int) -> int:
        """Optimizer steps in a number of epochs, times the run's scale; at least 1."""
        return self._data.steps(epochs * self._scale, batch_size)

    def train(
        self, stage: str, state: StageState, config: TrainingConfig, mask: Mask | Sparsifier | None = None
    ) -> StageState:
        """Trains to the end and returns the weights that the configuration keeps."""
        folder = self._stage(stage)
        if mask is not None:
            self.levels.append(folder.stage)
        mask = self._start.applied(mask)
        if isinstance(mask, Mask):
            mask.save(folder.mask)
        output = Output(mask=folder.mask if isinstance(mask, Sparsifier) else None)
        self._runner.train(folder, state, config, mask, output, stream=folder.stage)
        return self._models.state(folder)

    def average(
        self, stage: str, state: StageState, config: TrainingConfig, mask: Mask, particles: int
    ) -> StageState:
        """Trains particles that differ only in their random streams, and averages them."""
        folder = self._stage(stage)
        self.levels.append(folder.stage)
        if folder.record is None:
            self._start.applied(mask).save(folder.mask)
            parts = [self._stage(folder.stage.particle(index)) for index in range(particles)]
            # The first particle has the random stream of a training without particles, so that one particle
            # alone is that training.
            streams = [folder.stage, *(part.stage for part in parts[1:])]
            self._train_all(
                [
                    Assignment(part.stage, state, config, folder.stage, stream, Output(moments=False))
                    for part, stream in zip(parts, streams, strict=True)
                ]
            )
            self._finish_average(folder, parts, config)
        return self._models.state(folder)

    def evaluate(self, state: StageState) -> dict[str, float]:
        """Metrics of a state on the validation split, the primary one first."""
        return self._data.evaluate(self._models.load(state), self._precision)

    def scores(self, state: StageState, criterion: str) -> Scores:
        """Scores of a state's weights; other inputs of the criterion come from a few training examples."""
        model = self._models.load(state).requires_grad_(True)
        key = (self.seed, "scores", criterion)
        batches = (
            self._data.batch(number, CALIBRATION_BATCH_SIZE, key) for number in range(CALIBRATION_BATCHES)
        )
        scores = saliency(criterion, prunable(model), seed=self.seed, model=model, batches=batches)
        return self._start.ranked(scores)

    def race(
        self,
        stage: str,
        state: StageState,
        pool: Callable[[], Sequence[Candidate]],
        config: TrainingConfig,
        rules: RaceRules,
    ) -> Mask:
        """Trains `state` briefly under each mask and returns the best mask (see `engines.Bench.race`)."""
        race = Stage(stage)
        path = self._folder.stage(race).race
        if (outcome := RaceOutcome.read(path)) is None:
            outcome = self._hold_race(race, state, pool(), config, rules)
            outcome.write(path)
        return Mask.load(self._folder.mask(race.candidate(outcome.best)))

    def winner(self, stage: str) -> StageState:
        """The winner of a race, to continue training in its data order (see `engines.Bench.winner`)."""
        race = RaceOutcome.read(self._folder.stage(stage).race)
        winner = self._stage(Stage(stage).candidate(race.best))
        order = Order(race.order or winner.stage, winner.record.cost.optimizer_steps)
        return self._models.state(winner).in_order(order)

    def _hold_race(
        self,
        race: Stage,
        state: StageState,
        pool: Sequence[Candidate],
        config: TrainingConfig,
        rules: RaceRules,
    ) -> RaceOutcome:
        # Full trainings, which are for study, are evaluated like the training of a level.
        if PROPORTIONATE_RACES in self._practices and race.candidate(0).purpose == "racing":
            lengths = self._data.train.lengths, self._data.validation.lengths
            interim = INTERIM_EVALUATIONS in self._practices
            config = in_proportion(config, rules.rounds, *lengths, interim=interim)
        folders = [self._stage(race.candidate(index)) for index in range(len(pool))]
        for folder, candidate in zip(folders, pool, strict=True):
            self._start.applied(candidate.mask).save(folder.mask)
        output = Output(diagnose=False) if rules.keep_weights else None

        def train_all(indices: Sequence[int], until: int) -> list[Record]:
            stages = [folders[index].stage for index in indices]
            streams = [race if rules.shared_order else stage for stage in stages]
            return self._train_all(
                [
                    Assignment(stage, state, config, stage, stream, output, until)
                    for stage, stream in zip(stages, streams, strict=True)
                ]
            )

        standing = hold_race(
            train_all,
            len(pool),
            steps=config.steps,
            rounds=rules.rounds,
            average=rules.average,
            by=rules.by,
            dropped=lambda: dropped(self._folder.root, race),
        )
        for index, folder in enumerate(folders):
            folder.finish_at_checkpoint()
            if index != standing.best:
                folder.paths.state.unlink(missing_ok=True)
        candidates = tuple(
            {**candidate.about, "score": score, "loss": loss, "mask": candidate.mask.digest}
            for candidate, score, loss in zip(pool, standing.scores, standing.losses, strict=True)
        )
        return RaceOutcome(
            standing.best,
            rules.average,
            candidates,
            dropped=tuple(standing.dropped),
            eval_every=config.eval_every,
            eval_examples=config.eval_examples or len(self._data.validation),
            interim_examples=config.interim_examples or config.eval_examples or len(self._data.validation),
            by=rules.by,
            tie=standing.tie,
            order=race if rules.shared_order else None,
        )

    def _finish_average(
        self, folder: StageFolder, particles: list[StageFolder], config: TrainingConfig
    ) -> None:
        """Saves the mean of the particles as a stage that has the cost of all particles."""
        model = self._models.student.to(device())
        states = [self._models.state(particle).read().values for particle in particles]
        load_model_tensors(model, mean_of(states))
        if config.recalibrate and len(particles) > 1:
            recalibrate(model, self._data.epoch(config.batch_size, (self.seed, folder.stage)))
        metrics = self._data.evaluate(model, self._precision)
        record = Record(keep="last", recovery=recovered(config, mask=0, sparsity=0))
        record = record.evaluated(Evaluation(config.steps, metrics))
        for particle in particles:
            record = record.spent(particle.record.cost)
        self._runner.log.forget(folder.stage, after=-1)  # by a process that was killed before it had finished
        self._runner.log.append(folder.stage, "evaluation", step=config.steps, metrics=metrics)
        tensors = {f"model.{name}": value.detach() for name, value in model_tensors(model).items()}
        folder.save_best(config.steps, tensors, optimizer_steps=0)
        folder.finish(record, config.steps)

    def _train_all(self, assignments: Sequence[Assignment]) -> list[Record]:
        """Trains stages that do not depend on each other, in parallel if the run has several processes."""
        remaining = [each for each in assignments if self._stage(each.stage).record is None]
        plain = [assignment.to_plain() for assignment in remaining]
        if self._pool is None or len(plain) < 2 or None in plain:
            return [self._runner.carry_out(assignment) for assignment in assignments]
        # Only this process makes what all of them read.
        self._runner.teacher(remaining[0].config.distillation.mode)
        trained = zip(remaining, self._pool.carry_out(plain), strict=True)
        records = {assignment.stage: Record.from_plain(record) for assignment, record in trained}
        return [records.get(each.stage) or self._stage(each.stage).record for each in assignments]

    def _stage(self, stage: str) -> StageFolder:
        return StageFolder(self._folder, stage)
