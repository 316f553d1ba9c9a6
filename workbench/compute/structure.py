"""The positions of the kept weights of a matrix, by rows and by columns."""

import itertools
from dataclasses import dataclass

import numpy as np
import torch

from workbench.errors import BadInput


@dataclass(frozen=True, eq=False)
class Order:
    """The kept weights, one row (or column) of the matrix after the other, as in CSR.

    Attributes:
        starts: int64, where the weights of each row start, then their number.
        index: the column of each weight, uint16 if the matrix has at most 65,536 columns, else int32.
    """

    starts: np.ndarray
    index: np.ndarray

    def cuts(self, parts: int) -> list[tuple[int, int]]:
        """(first, last) of at most `parts` ranges of rows with about equal work."""
        rows = len(self.starts) - 1
        if parts == 1:
            return [(0, rows)]
        work = self.starts + 4 * np.arange(rows + 1)
        inner = np.searchsorted(work, np.linspace(0, work[-1], parts + 1)[1:-1])
        edges = sorted({0, *inner.tolist(), rows})
        return list(itertools.pairwise(edges))


@dataclass(frozen=True, eq=False)
class Structure:
    """The positions of the kept weights of a matrix (out, in).

    Their values are stored once, in row order, like `matrix[mask]`.

    Attributes:
        shape: (out, in).
        rows: the weights by rows.
        columns: the weights by columns.
        order: int32 or int64, for each weight in column order its position in row order.
    """

    shape: tuple[int, int]
    rows: Order
    columns: Order
    order: np.ndarray

    @classmethod
    def of(cls, mask: torch.Tensor | np.ndarray) -> "Structure":
        """The structure of a bool matrix that is True where a weight is kept.

        Raises:
            BadInput: it is not a bool matrix.
        """
        mask = np.asarray(mask)
        if mask.dtype != bool or mask.ndim != 2:
            raise BadInput(f"a mask of shape {mask.shape}, {mask.dtype}; a sparse layer needs a bool matrix")
        out, width = mask.shape
        row, column = np.nonzero(mask)
        # A stable sort of few bits is a radix sort.
        order = np.argsort(_small(column, width), kind="stable")
        wide = np.int32 if len(row) < 1 << 31 else np.int64
        return cls(
            (out, width),
            Order(_starts(row, out), _small(column, width)),
            Order(_starts(column, width), _small(row[order], out)),
            order.astype(wide),
        )

    @property
    def kept(self) -> int:
        """Number of kept weights."""
        return len(self.order)

    def mask(self) -> torch.Tensor:
        """The bool matrix."""
        dense = torch.zeros(self.shape, dtype=torch.bool)
        dense.view(-1)[self.positions()] = True
        return dense

    def positions(self) -> torch.Tensor:
        """int64, the position of each kept weight in the flattened matrix."""
        row = np.repeat(np.arange(self.shape[0]), np.diff(self.rows.starts))
        return torch.from_numpy(row * self.shape[1] + self.rows.index.astype(np.int64))


def _starts(index: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.bincount(index, minlength=length))]).astype(np.int64)


def _small(index: np.ndarray, length: int) -> np.ndarray:
    return index.astype(np.uint16 if length <= 1 << 16 else np.int32)
