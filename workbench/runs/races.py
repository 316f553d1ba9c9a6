"""A race on disk: its outcome, and the candidates that a person took out while it was under way."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.errors import BadInput
from workbench.files import read_json, write_json
from workbench.runs.layout import RunFolder
from workbench.stages import Stage

EarlyScore = Literal["metric", "loss"]
Tie = Literal["metric", "loss", "order"]


@dataclass(frozen=True)
class RaceOutcome:
    """How a race ended.

    Attributes:
        best: the winner's index in the pool.
        average: how many evaluations a score is the mean of.
        candidates: of each candidate what the engine recorded, its `score` (the primary metric), its `loss`
            on validation, and its `mask`'s digest.
        dropped: the candidates that a person took out.
        eval_every: optimizer steps between evaluations; None in races of early versions.
        eval_examples: examples in those at the end of a round; None in races of early versions.
        interim_examples: examples in those before; None in races of early versions.
        by: what the candidates were ranked by.
        tie: what decided between candidates that were equal in that: the other of the two, or, where they
            were equal in both, their order in the pool. None where there was nothing to decide.
        order: the stream of the data order that all candidates shared; None where each had its own.
    """

    best: int
    average: int
    candidates: tuple[dict[str, Any], ...]
    dropped: tuple[int, ...] = ()
    eval_every: int | None = None
    eval_examples: int | None = None
    interim_examples: int | None = None
    by: EarlyScore = "metric"
    tie: Tie | None = None
    order: str | None = None

    def write(self, path: Path) -> None:
        """Writes the outcome, which ends the race."""
        plain = {
            "best": self.best,
            "average": self.average,
            "by": self.by,
            "tie": self.tie,
            "order": self.order,
            "eval_every": self.eval_every,
            "eval_examples": self.eval_examples,
            "interim_examples": self.interim_examples,
            "candidates": list(self.candidates),
        }
        write_json(path, plain | ({"dropped": list(self.dropped)} if self.dropped else {}))

    @classmethod
    def read(cls, path: Path) -> "RaceOutcome | None":
        """The outcome in a file; None while the race is not over."""
        if not path.exists():
            return None
        plain = read_json(path)
        candidates, dropped = tuple(plain["candidates"]), tuple(plain.get("dropped", ()))
        evaluations = (plain.get(name) for name in ("eval_every", "eval_examples", "interim_examples"))
        ranking = plain.get("by", "metric"), plain.get("tie"), plain.get("order")
        return cls(plain["best"], plain["average"], candidates, dropped, *evaluations, *ranking)


def drop(root: str | Path, race: str, candidates: Iterable[int]) -> None:
    """Chooses the candidates that cannot win a race under way; replaces an earlier choice.

    They are trained and scored like the others until the end of a round, so the choice can be taken back.

    Args:
        root: the run folder.
        race: the race's stage, such as "level-1/race".
        candidates: indices in the pool; none leaves the choice to the scores.

    Raises:
        BadInput: the race is over or has not begun, a candidate does not exist, or none would remain.
    """
    folder, chosen = RunFolder(root), sorted(set(candidates))
    paths = folder.stage(race)
    if paths.race.exists():
        raise BadInput(
            f"the race {race} is over: its mask is chosen. Candidates of a later level can be dropped."
        )
    pool = len(folder.candidates(race))
    if not pool:
        raise BadInput(f"the race {race} has not begun; candidates can be dropped once it has.")
    if unknown := set(chosen) - set(range(pool)):
        raise BadInput(f"candidate {min(unknown)}: the race {race} has candidates 0 to {pool - 1}.")
    if len(chosen) == pool:
        raise BadInput(f"all {pool} candidates of {race} would be dropped; keep at least one.")
    write_json(paths.dropped, {"dropped": chosen})


def dropped(root: str | Path, race: str) -> tuple[int, ...]:
    """The candidates that a person has taken out of a race so far, in order."""
    path = RunFolder(root).stage(race).dropped
    return tuple(read_json(path)["dropped"]) if path.exists() else ()


def interventions(folder: RunFolder) -> dict[str, list[int]]:
    """The dropped candidates of each finished race, by the race's stage; races without any are left out."""
    return {
        str(race): list(outcome.dropped) for race, outcome in _outcomes(folder).items() if outcome.dropped
    }


def ties(folder: RunFolder) -> dict[str, Tie]:
    """What decided each finished race in which scores were equal; races for study choose nothing.

    Returns:
        by the race's stage, such as "level-1/race", what `RaceOutcome.tie` says. Races without a tie are left
        out.
    """
    outcomes = _outcomes(folder).items()
    return {str(race): outcome.tie for race, outcome in outcomes if outcome.tie and race == race.parent.race}


def _outcomes(folder: RunFolder) -> dict[Stage, RaceOutcome]:
    return {race: RaceOutcome.read(folder.stage(race).race) for race in folder.complete_races()}
