"""How much masks of one model differ, two by two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.errors import BadInput, unknown
from workbench.masks.mask import Mask
from workbench.masks.parallel import each

Masks = Sequence[Mask] | Mapping[str, Mask]


@dataclass(frozen=True, eq=False)
class Comparison:
    """All pairs of n masks of one model, counted exactly; see `compare`.

    Attributes:
        labels: the masks' names, n of them.
        numel: number of weights of each matrix.
        common: for each matrix the weights that masks i and j both keep, int64 (n, n); on the diagonal
            what mask i keeps.
    """

    labels: list
    numel: dict[str, int]
    common: dict[str, np.ndarray]

    def jaccard(self, matrix: str | None = None) -> pd.DataFrame:
        """Weights kept by both over weights kept by either, in [0, 1]; 1 where neither keeps any.

        Args:
            matrix: one matrix; all of them together where it is None.

        Returns:
            a symmetric float64 frame (n, n) with ones on the diagonal.

        Raises:
            BadInput: there is no such matrix.
        """
        common, either = self._counts(matrix)
        return self._frame(np.divide(common, either, out=np.ones(common.shape), where=either > 0))

    def hamming(self, matrix: str | None = None) -> pd.DataFrame:
        """Number of weights on which two masks differ: a symmetric int64 frame (n, n); else as `jaccard`."""
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
    """Counts what each two masks have in common, per matrix, in one pass over their packed bits.

    Args:
        masks: at least one mask, all of one model. The labels are the mapping's keys, or 0 .. n-1 for a
            sequence.

    Raises:
        BadInput: no mask, or masks of different models.
    """
    # Imported late because it compiles.
    from workbench.masks.bits import add_common, blocks

    labels, members = labelled(masks)

    def common(name: str) -> np.ndarray:
        table = np.zeros((len(members), len(members)), dtype=np.int64)
        for block in blocks([mask.packed(name).bits for mask in members]):
            add_common(block, table)
        return np.triu(table) + np.triu(table, 1).T

    names = members[0].names
    tables = each(common, [(name,) for name in names])
    numel = {name: members[0].packed(name).numel for name in names}
    return Comparison(labels, numel, dict(zip(names, tables, strict=True)))


def overlap(masks: Masks) -> pd.DataFrame:
    """Pairwise Jaccard indices of whole masks, `compare(masks).jaccard()`.

    Args:
        masks: at least one mask, all of one model.

    Returns:
        a symmetric float64 frame with ones on the diagonal; its rows and columns are the mapping's
        keys, or 0 .. n-1 for a sequence.

    Raises:
        BadInput: no mask, or masks of different models.
    """
    return compare(masks).jaccard()


def distance_from(reference: Mask, masks: Masks) -> pd.Series:
    """For each mask, the share of its kept weights that `reference` prunes, in [0, 1].

    With the magnitude mask as reference this says how random a sampled mask is.

    Raises:
        BadInput: no mask, masks of different models, or a mask that keeps nothing.
    """
    labels, members = labelled(masks)
    if any(mask.kept == 0 for mask in members):
        raise BadInput("a mask that keeps no weight has no distance; leave it out")
    shares = [(mask.kept - mask.common(reference)) / mask.kept for mask in members]
    return pd.Series(shares, index=labels, name="distance", dtype="float64")


def labelled(masks: Masks) -> tuple[list, list[Mask]]:
    """The labels and the masks of a sequence or mapping.

    Raises:
        BadInput: no mask, something that is no mask, or masks of different models.
    """
    labels = list(masks) if isinstance(masks, Mapping) else list(range(len(masks)))
    members = list(masks.values()) if isinstance(masks, Mapping) else list(masks)
    if not members:
        raise BadInput("no masks to compare; give at least one")
    for label, mask in zip(labels, members, strict=True):
        if not isinstance(mask, Mask):
            raise BadInput(f"mask {label!r} is a {type(mask).__name__}; give masks, as topk_mask makes them")
        members[0].check_same_model(mask, f"mask {labels[0]!r}", f"mask {label!r}")
    return labels, members
