"""Names of a run's stages: the only module that builds or parses them.

A stage is one training, or a race between several. Its name is its path in the run folder, and part of the
key that its randomness is derived from.
"""

import re
from typing import Literal

Purpose = Literal["training", "racing", "full", "particle"]


class Stage(str):
    """The name of a stage, such as "level-1/race/candidate-3"; any other string is a stage with no parts."""

    __slots__ = ()

    @classmethod
    def level(cls, number: int) -> "Stage":
        """The training of a level, counted from 1; level 0 is the training before any pruning."""
        return cls(f"level-{number}")

    @classmethod
    def rewind(cls) -> "Stage":
        """The dense training up to a rewind point."""
        return cls("rewind")

    @property
    def race(self) -> "Stage":
        """The race that chooses this level's mask."""
        return Stage(f"{self}/race")

    def full_in(self, order: int) -> "Stage":
        """The full training of every candidate of this level, for study, in a data order counted from 0."""
        return Stage(f"{self}/full-{order}" if order else f"{self}/full")

    def candidate(self, index: int) -> "Stage":
        """A candidate of this race, counted from 0."""
        return Stage(f"{self}/candidate-{index}")

    def particle(self, index: int) -> "Stage":
        """A particle of this level, counted from 0."""
        return Stage(f"{self}/particle-{index}")

    @property
    def parent(self) -> "Stage":
        """The race that a candidate belongs to, or the level that a particle or a race belongs to."""
        return Stage(self.rpartition("/")[0])

    @property
    def level_number(self) -> int | None:
        """The level that the stage belongs to; None if it belongs to no level."""
        match = re.match(r"level-(\d+)(/|$)", self)
        return int(match[1]) if match else None

    @property
    def is_level(self) -> bool:
        """Whether this is a level's own training."""
        return self.level_number is not None and "/" not in self

    @property
    def candidate_number(self) -> int | None:
        """The candidate's index in its race; None for any other stage."""
        return self._last_number("candidate")

    @property
    def particle_number(self) -> int | None:
        """The particle's index in its level; None for any other stage."""
        return self._last_number("particle")

    @property
    def purpose(self) -> Purpose:
        """The category that the stage's cost is counted in."""
        if self.particle_number is not None:
            return "particle"
        if self.candidate_number is None:
            return "training"
        return "full" if re.search(r"/full(-\d+)?$", self.parent) else "racing"

    def _last_number(self, kind: str) -> int | None:
        match = re.search(rf"/{kind}-(\d+)$", self)
        return int(match[1]) if match else None
