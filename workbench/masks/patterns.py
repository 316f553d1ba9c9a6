"""Patterns: how the weights that a mask keeps are arranged in a matrix.

A tensor with more than two dimensions is treated as the matrix (first, all others), which has one row per
output neuron or channel, and a vector as one row.

| pattern | groups | what is kept |
| --- | --- | --- |
| `unstructured` | single weights | the highest scores |
| `block:RxC` | R rows by C columns | whole blocks with the highest mean scores |
| `neuron` | whole rows | whole rows with the highest mean scores |
| `n:m` | m consecutive weights of a row | the n highest scores of every group |

Blocks and rows take the place of weights: a sparsity is rounded to a whole number of them, and they are
ranked within the same scopes. A mask n:m has the sparsity 1 - n/m in every matrix, whatever the scope. At a
lower sparsity, on the way there, it keeps the n highest of every group, and of all other weights the highest
within the scope: every group keeps at least n.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.errors import BadInput
from workbench.masks.grouping import groups
from workbench.masks.of_every import best_of_every, widened

Shapes = Mapping[str, tuple[int, ...]]

# How far a sparsity may be from 1 - n/m: less than what changes the number of kept weights.
_EQUAL = 1e-10


class Pattern(ABC):
    """An arrangement of kept weights; `str()` gives the name that `Pattern.of` reads."""

    @staticmethod
    def of(name: "str | Pattern") -> "Pattern":
        """The pattern with a name; a pattern is returned as it is.

        Raises:
            BadInput: no pattern has this name.
        """
        if isinstance(name, Pattern):
            return name
        for kind in (Unstructured, Neuron, NM, Block):
            if match := re.fullmatch(kind.syntax, str(name)):
                return kind(*map(int, match.groups()))
        raise BadInput(
            f"pattern {name!r} is unknown. Give unstructured, neuron, n:m such as 2:4, or block:RxC such as "
            "block:4x4."
        )

    @property
    def unit(self) -> str:
        """The noun for kept groups."""
        return "weights"

    def check_final(self, sparsity: float) -> None:  # noqa: B027 - most patterns have any sparsity
        """Rejects a sparsity that a complete mask with this pattern cannot have.

        Raises:
            BadInput: the message names the sparsity that such a mask has.
        """

    @abstractmethod
    def check(self, shapes: Shapes, sparsity: float, scope: str) -> None:
        """Rejects matrices that the pattern does not divide, and a sparsity or scope that it does not allow.

        Args:
            shapes: shapes of the matrices by name.
            sparsity: sparsity of the mask, which may be a step on the way to the final one.
            scope: what is ranked together, as in `topk_mask`.

        Raises:
            BadInput: the message names what is possible.
        """

    def size(self, shape: tuple[int, ...]) -> int:
        """The number of weights of a matrix that are kept or pruned together."""
        return 1

    def ranked(self, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The scores to rank in place of those of the weights, one for each group that is kept or pruned."""
        return dict(scores)

    def spread(self, keep: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Which weights of a matrix are kept, given one bool for each score that `ranked` returns."""
        return keep


@dataclass(frozen=True)
class Unstructured(Pattern):
    """Any weights."""

    syntax = "unstructured"

    def __str__(self) -> str:
        return "unstructured"

    def check(self, shapes: Shapes, sparsity: float, scope: str) -> None:
        """Accepts everything."""


class Rectangles(Pattern):
    """Rectangles that are kept or pruned as a whole and ranked by the mean score of their weights."""

    @abstractmethod
    def sides(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Rows and columns of a rectangle in a matrix."""

    def size(self, shape: tuple[int, ...]) -> int:
        """The number of weights of a rectangle."""
        return math.prod(self.sides(shape))

    def ranked(self, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The mean of each rectangle, float64 (rows of rectangles, columns of rectangles).

        The sum adds in a fixed order, so it is the same on every device and for every number of threads.
        """
        return {name: self._means(score) for name, score in scores.items()}

    def _means(self, scores: Tensor) -> Tensor:
        shape = tuple(scores.shape)
        (height, width), (rows, columns) = self.sides(shape), as_matrix(shape)
        parts = scores.detach().reshape(rows // height, height, columns // width, width).double()
        sums = parts.transpose(1, 2).reshape(rows // height, columns // width, -1)
        while (length := sums.shape[-1]) > 1:
            half = length // 2
            halves = sums[..., :half] + sums[..., half : 2 * half]
            sums = torch.cat([halves, sums[..., 2 * half :]], dim=-1)
        limits = torch.finfo(torch.float64)
        return (sums[..., 0] / (height * width)).clamp(limits.min, limits.max)

    def spread(self, keep: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Repeats each bool over its rectangle."""
        height, width = self.sides(shape)
        return keep.repeat_interleave(height, 0).repeat_interleave(width, 1).reshape(shape)


@dataclass(frozen=True)
class Block(Rectangles):
    """Blocks of `rows` by `columns`."""

    rows: int
    columns: int
    syntax = r"block:0*([1-9]\d*)x0*([1-9]\d*)"

    def __str__(self) -> str:
        return f"block:{self.rows}x{self.columns}"

    @property
    def unit(self) -> str:
        """Blocks."""
        return "blocks"

    def sides(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The same in all matrices."""
        return self.rows, self.columns

    def check(self, shapes: Shapes, sparsity: float, scope: str) -> None:
        """Rejects a matrix that cannot be divided into such blocks."""
        for name, shape in shapes.items():
            rows, columns = as_matrix(shape)
            if rows % self.rows or columns % self.columns:
                heights, widths = (
                    _divisors(sides) for sides in zip(*map(as_matrix, shapes.values()), strict=True)
                )
                raise BadInput(
                    f"pattern {self} does not divide {name!r}, which has {rows} x {columns} weights. All "
                    f"matrices can be divided by RxC with R one of {heights}, and C one of {widths}."
                )


@dataclass(frozen=True)
class Neuron(Rectangles):
    """Whole rows, that is, output neurons or channels."""

    syntax = "neuron"

    def __str__(self) -> str:
        return "neuron"

    @property
    def unit(self) -> str:
        """Rows."""
        return "rows"

    def sides(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """One row."""
        return 1, as_matrix(shape)[1]

    def check(self, shapes: Shapes, sparsity: float, scope: str) -> None:
        """Rejects a scope that ranks rows of different lengths together."""
        for names in groups(shapes, scope).values():
            lengths = {as_matrix(shapes[name])[1]: name for name in names}
            if len(lengths) > 1:
                (one, first), (other, second), *_ = lengths.items()
                raise BadInput(
                    f"pattern neuron cannot rank rows of {one} weights ({first}) and of {other} weights "
                    f"({second}) together, because their number would not fix the sparsity. Give the scope "
                    f"{'type or ' if scope == 'global' else ''}matrix."
                )


@dataclass(frozen=True)
class NM(Pattern):
    """n of every m consecutive weights of a row."""

    n: int
    m: int
    syntax = r"0*([1-9]\d*):0*([1-9]\d*)"

    def __post_init__(self):
        if not 1 <= self.n < self.m:
            raise BadInput(f"pattern {self} is not possible. Give n:m with n from 1 to m - 1, such as 2:4.")

    def __str__(self) -> str:
        return f"{self.n}:{self.m}"

    @property
    def sparsity(self) -> float:
        """The sparsity of every mask with this pattern."""
        return (self.m - self.n) / self.m

    def is_final(self, sparsity: float) -> bool:
        """Whether masks of this sparsity keep exactly n of every m."""
        return abs(sparsity - self.sparsity) <= _EQUAL

    def check_final(self, sparsity: float) -> None:
        """Rejects every sparsity but one."""
        if not self.is_final(sparsity):
            raise BadInput(
                f"sparsity is {sparsity}, but a mask with the pattern {self} has {self.sparsity:.12g}. Give "
                "that, or another pattern."
            )

    def check(self, shapes: Shapes, sparsity: float, scope: str) -> None:
        """Rejects a sparsity above the final one, and rows that cannot be divided by m."""
        if sparsity > self.sparsity:
            self.check_final(sparsity)
        for name, shape in shapes.items():
            columns = as_matrix(shape)[1]
            if columns % self.m:
                divisors = _divisors([as_matrix(each)[1] for each in shapes.values()])
                raise BadInput(
                    f"pattern {self} does not divide the rows of {name!r}, which have {columns} weights. The "
                    f"rows of all matrices can be divided by m if it is one of {divisors}."
                )

    def ranked(self, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The scores, with the largest number of their format in place of the n highest of every m."""
        wide = {name: widened(score) for name, score in scores.items()}
        return {
            name: score.masked_fill(best_of_every(score, self.n, self.m), torch.finfo(score.dtype).max)
            for name, score in wide.items()
        }


UNSTRUCTURED = Unstructured()


def as_matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """The rows and columns that a tensor is treated as."""
    rows = shape[0] if len(shape) > 1 else 1
    return rows, math.prod(shape) // rows


def _divisors(numbers) -> str:
    """All numbers that divide each of `numbers`, in words."""
    common = math.gcd(*numbers)
    return ", ".join(str(number) for number in range(1, common + 1) if common % number == 0)
