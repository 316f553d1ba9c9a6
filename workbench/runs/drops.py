"""Candidates that a person takes out of a race, left in the run folder for the race to find."""

from collections.abc import Iterable
from pathlib import Path

from workbench.errors import BadInput
from workbench.files import read_json, write_json

_FILE = "dropped.json"


def drop(root: str | Path, race: str, candidates: Iterable[int]) -> None:
    """Decides which candidates cannot win a race that is not over, in place of what was decided before.

    They are trained and scored like the others, up to the end of a round, so a decision can be taken back.

    Args:
        root: the run folder.
        race: the race's stage, such as "level-1/race".
        candidates: numbers in the pool, from 0; none to leave the choice to the scores.

    Raises:
        BadInput: the race is over or has not begun, there is no such candidate, or none would be left.
    """
    root, chosen = Path(root), sorted(set(candidates))
    folder = root / "stages" / race
    if (folder / "race.json").exists():
        raise BadInput(
            f"the race {race} is over: its mask is chosen. Candidates of a later level can be dropped."
        )
    pool = pool_size(root, race)
    if not pool:
        raise BadInput(f"the race {race} has not begun; candidates can be dropped once it has.")
    if strange := set(chosen) - set(range(pool)):
        raise BadInput(f"candidate {min(strange)}: the race {race} has candidates 0 to {pool - 1}.")
    if len(chosen) == pool:
        raise BadInput(f"all {pool} candidates of {race} would be dropped; keep at least one.")
    write_json(folder / _FILE, {"dropped": chosen})


def pool_size(root: str | Path, race: str) -> int:
    """How many candidates a race has; 0 before it has begun."""
    return len(list((Path(root) / "masks" / race).glob("candidate-*.safetensors")))


def dropped(root: str | Path, race: str) -> tuple[int, ...]:
    """The candidates that a person has dropped from a race so far, in order."""
    path = Path(root) / "stages" / race / _FILE
    return tuple(read_json(path)["dropped"]) if path.exists() else ()


def interventions(root: str | Path) -> dict[str, list[int]]:
    """The dropped candidates of each finished race that a person took any out of, by the race's stage."""
    stages = Path(root) / "stages"
    found = {}
    for path in sorted(stages.rglob("race.json")):
        if gone := read_json(path).get("dropped"):
            found[path.parent.relative_to(stages).as_posix()] = gone
    return found
