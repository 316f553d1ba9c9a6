"""Shared by the engines that rank weights: the pattern in which the kept weights are arranged."""

import math
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator
from torch import nn

from workbench.engines.base import Engine
from workbench.errors import BadInput
from workbench.masks import Pattern, kept_count
from workbench.masks.grouping import groups
from workbench.models import prunable
from workbench.settings import settings

# One spelling for each pattern, so that equal patterns give equal names of runs.
PatternName = Annotated[str, AfterValidator(lambda name: str(Pattern.of(name)))]


@settings
class RankingEngine(Engine):
    """Ranks weights, or groups of them, by score.

    Attributes:
        pattern: how the kept weights are arranged (see `masks.patterns`): "unstructured"; "block:RxC",
            blocks of R by C weights; "neuron", whole rows, that is output neurons; or "n:m", such as 2:4, n
            of every m consecutive weights along the input. Blocks and rows are ranked by the mean score of
            their weights, and the sparsity is rounded to a whole number of them. n:m needs the sparsity
            1 - n/m; on the way to it, masks keep at least n of every m.
    """

    pattern: PatternName = "unstructured"

    def __post_init__(self):
        try:
            self.arrangement.check_final(self.sparsity)
        except BadInput as error:
            raise BadInput(f"{self.id}: {error}") from error

    def check(self, model: nn.Module) -> None:
        """Rejects a pattern that does not fit the model or the scope."""
        super().check(model)
        self.check_pattern({name: tuple(weight.shape) for name, weight in prunable(model).items()})

    def check_pattern(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Rejects a pattern that does not fit matrices with these shapes, the scope or the sparsity."""
        try:
            self.arrangement.check(shapes, self.sparsity, self.ranked_within)
        except BadInput as error:
            raise BadInput(f"{self.id}: {error}") from error
        self._check_that_groups_are_kept(shapes)

    @property
    def arrangement(self) -> Pattern:
        """The pattern as a value."""
        return Pattern.of(self.pattern)

    @property
    def ranked_within(self) -> str:
        """The scope within which groups are ranked."""
        return getattr(self, "scope", "matrix")

    def _check_that_groups_are_kept(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        for group, names in groups(shapes, self.ranked_within).items():
            number = sum(math.prod(shapes[name]) // self.arrangement.size(shapes[name]) for name in names)
            if kept_count(number, self.sparsity) == 0:
                raise BadInput(
                    f"{self.id}: sparsity {self.sparsity} keeps none of the {number} "
                    f"{self.arrangement.unit} of {group}; {1 - 1 / number:.6g} keeps one."
                )
