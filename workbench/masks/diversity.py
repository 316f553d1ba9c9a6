"""Pairwise comparison of masks of one model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.errors import BadInput, unknown
from workbench.masks.mask import Mask
from workbench.masks.parallel import each

Masks = Sequence[Mask] | Mapping[str, Mask]

# Bits of all pairs up to which NumPy takes less time than the compiled loops take to be loaded.
_FEW_BITS = 1 << 23


@dataclass(frozen=True, eq=False)
class Comparison:
    """Exact counts for all pairs of n masks of one model; see `compare`.

    Attributes:
        labels: the n names of the masks.
        numel: number of weights in each matrix.
        common: for each matrix, int64 (n, n): the number of weights that masks i and j both keep; on the
            diagonal, the number that mask i keeps.
    """

    labels: list
    numel: dict[str, int]
    common: dict[str, np.ndarray]

    def jaccard(self, matrix: str | None = None) -> pd.DataFrame:
        """Weights kept by both divided by weights kept by either, in [0, 1]; 1 if neither keeps any.

        Args:
            matrix: name of one matrix; None for all matrices together.

        Returns:
            A symmetric float64 frame (n, n) with ones on the diagonal.

        Raises:
            BadInput: there is no such matrix.
        """
        common, either = self._counts(matrix)
        return self._frame(np.divide(common, either, out=np.ones(common.shape), where=either > 0))

    def hamming(self, matrix: str | None = None) -> pd.DataFrame:
        """Number of weights on which two masks differ, as a symmetric int64 frame (n, n); see `jaccard`."""
        common, either = self._counts(matrix)
        return self._frame(either - common)

    def _counts(self, matrix: str | None) -> tuple[np.ndarray, np.ndarray]:
        if matrix is not None and matrix not in self.common:
            raise unknown("matrix", matrix, self.common)
        common = sum(self.common.values()) if matrix is None else self.common[matrix]
        kept = common.diagonal()
        return common, kept[:, None] + kept - common

    def _frame(self, table: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(table, index=self.labels, columns=self.labels)


def compare(masks: Masks) -> Comparison:
    """Counts the common weights of each pair of masks, per matrix, in one pass over their packed bits.

    Args:
        masks: at least one mask, all of one model. The labels are the mapping's keys, or 0 .. n-1 for a
            sequence.

    Raises:
        BadInput: there is no mask, or the masks belong to different models.
    """
    labels, members = labelled(masks)
    names = members[0].names
    few = len(members) ** 2 * members[0].numel < _FEW_BITS
    common = _common_of_few if few else _common_of_many()
    tables = each(common, [([mask.packed(name).bits for mask in members],) for name in names], serial=few)
    numel = {name: members[0].packed(name).numel for name in names}
    return Comparison(labels, numel, dict(zip(names, tables, strict=True)))


def _common_of_few(bits: list[np.ndarray]) -> np.ndarray:
    """How many bits of one matrix each pair of masks has in common: int64 (n, n)."""
    rows = np.stack(bits)
    return np.bitwise_count(rows[:, None] & rows).sum(axis=-1, dtype=np.int64)


def _common_of_many() -> Callable[[list[np.ndarray]], np.ndarray]:
    """A quicker function for the same."""
    from workbench.masks.bits import add_common, blocks

    def common(bits: list[np.ndarray]) -> np.ndarray:
        table = np.zeros((len(bits), len(bits)), dtype=np.int64)
        for block in blocks(bits):
            add_common(block, table)
        return np.triu(table) + np.triu(table, 1).T

    return common


def overlap(masks: Masks) -> pd.DataFrame:
    """Pairwise Jaccard indices of whole masks: `compare(masks).jaccard()`.

    Args:
        masks: at least one mask, all of one model.

    Returns:
        A symmetric float64 frame with ones on the diagonal. Rows and columns are labelled with the mapping's
        keys, or 0 .. n-1 for a sequence.

    Raises:
        BadInput: there is no mask, or the masks belong to different models.
    """
    return compare(masks).jaccard()


def distance_from(reference: Mask, masks: Masks) -> pd.Series:
    """For each mask, the share of its kept weights that `reference` prunes, in [0, 1].

    With the magnitude mask as the reference, this measures how random a sampled mask is.

    Raises:
        BadInput: there is no mask, the masks belong to different models, or a mask keeps nothing.
    """
    labels, members = labelled(masks)
    if any(mask.kept == 0 for mask in members):
        raise BadInput("the distance of a mask that keeps no weight is undefined. Leave that mask out.")
    shares = [(mask.kept - mask.common(reference)) / mask.kept for mask in members]
    return pd.Series(shares, index=labels, name="distance", dtype="float64")


def labelled(masks: Masks) -> tuple[list, list[Mask]]:
    """The labels and the masks of a sequence or mapping.

    Raises:
        BadInput: there is no mask, an item is not a mask, or the masks belong to different models.
    """
    labels = list(masks) if isinstance(masks, Mapping) else list(range(len(masks)))
    members = list(masks.values()) if isinstance(masks, Mapping) else list(masks)
    if not members:
        raise BadInput("there are no masks to compare. Give at least one.")
    for label, mask in zip(labels, members, strict=True):
        if not isinstance(mask, Mask):
            raise BadInput(
                f"mask {label!r} is a {type(mask).__name__}. Give masks, such as those of topk_mask."
            )
        members[0].check_same_model(mask, f"mask {labels[0]!r}", f"mask {label!r}")
    return labels, members
