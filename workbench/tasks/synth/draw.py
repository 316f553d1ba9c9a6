"""Random choices for the grammars."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Draw:
    """Random choices from one derived generator, so that a grammar depends only on its seed."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def pick(self, options: Sequence[T]) -> T:
        """One of `options`, all equally likely."""
        return options[self._rng.integers(len(options))]

    def distinct(self, options: Sequence[T], count: int) -> list[T]:
        """`count` distinct elements of `options`, in random order."""
        return [options[i] for i in self._rng.permutation(len(options))[:count]]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self._rng.random() < probability)
