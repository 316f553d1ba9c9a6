"""Seconds of steps and evaluations of the runs of this process, by stage; for the scripts of this folder."""

import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps

from workbench.execution.stage_training import StageTraining
from workbench.stages import Stage


class Stopwatch:
    """Notes how long each step and each evaluation of a stage takes; there can be one in a process.

    A candidate counts for its race, and a particle for its level.

    Attributes:
        steps: seconds of each step, without `choices`, by stage.
        choices: seconds that sparsifiers took before the step in which they did, by stage.
        evaluations: seconds of each evaluation, by stage.
    """

    def __init__(self):
        self.steps: dict[str, list[float]] = defaultdict(list)
        self.choices: dict[str, list[float]] = defaultdict(list)
        self.evaluations: dict[str, list[float]] = defaultdict(list)
        self._choice = 0.0
        StageTraining._advance = self._timed(StageTraining._advance, self._step)
        StageTraining._evaluate = self._timed(StageTraining._evaluate, self._evaluation)

    def forget(self) -> None:
        """Begins anew."""
        for seconds in (self.steps, self.choices, self.evaluations):
            seconds.clear()

    def _timed(self, method: Callable, note: Callable[[str, float], None]) -> Callable:
        @wraps(method)
        def timed(training: StageTraining, *arguments):
            self._watch_choices(training.trainer.sparsifier)
            begun = time.perf_counter()
            result = method(training, *arguments)
            note(_group(Stage(training.folder.stage)), time.perf_counter() - begun)
            return result

        return timed

    def _watch_choices(self, sparsifier) -> None:
        if "before_forward" in vars(sparsifier):
            return
        before = sparsifier.before_forward

        def timed() -> None:
            begun = time.perf_counter()
            before()
            self._choice += time.perf_counter() - begun

        sparsifier.before_forward = timed

    def _step(self, stage: str, seconds: float) -> None:
        choice, self._choice = self._choice, 0.0
        self.choices[stage].append(choice)
        self.steps[stage].append(seconds - choice)

    def _evaluation(self, stage: str, seconds: float) -> None:
        self.evaluations[stage].append(seconds)


def _group(stage: Stage) -> str:
    inner = stage.candidate_number is not None or stage.particle_number is not None
    return str(stage.parent if inner else stage)
