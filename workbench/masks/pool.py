"""Coverage of a pool of masks, and where its masks disagree, computed from packed bits."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd

from workbench.errors import BadInput, unknown
from workbench.masks.diversity import Masks, labelled
from workbench.masks.mask import Mask
from workbench.masks.parallel import each

_MAP_CELLS = 64


def growth(masks: Masks, matrix: str | None = None) -> pd.DataFrame:
    """The union and intersection of the first 1, 2, .. n masks.

    Args:
        masks: at least one mask, all of one model, in the order in which the pool grows.
        matrix: name of one matrix; None for all matrices together.

    Returns:
        An int64 frame with one row per mask: `union`, the number of weights kept by it or any mask before it,
        and `intersection`, the number kept by it and all masks before it.

    Raises:
        BadInput: there is no mask or no such matrix, or the masks belong to different models.
    """
    from workbench.masks.bits import add_growth, blocks

    labels, members = labelled(masks)

    def counts(name: str) -> np.ndarray:
        table = np.zeros((len(members), 2), dtype=np.int64)
        for block in blocks([mask.packed(name).bits for mask in members]):
            add_growth(block, table)
        return table

    names = members[0].names if matrix is None else (_known(matrix, members[0]),)
    table = sum(each(counts, [(name,) for name in names]))
    return pd.DataFrame(table, index=labels, columns=["union", "intersection"])


def entropy(masks: Masks) -> pd.Series:
    """The disagreement of a pool about each matrix, in bits per weight.

    This is the mean over the matrix's weights of H(f) = -f log2 f - (1 - f) log2(1 - f), where f is the share
    of masks that keep the weight: 0 if all masks agree, 1 if every weight is kept by half of them.

    Args:
        masks: at least one mask, all of one model.

    Returns:
        A float64 series in [0, 1], indexed by matrix.

    Raises:
        BadInput: there is no mask, or the masks belong to different models.
    """
    from workbench.masks.bits import add_tally, blocks

    _, members = labelled(masks)
    inner = np.arange(1, len(members)) / len(members)
    bits = np.zeros(len(members) + 1)
    bits[1:-1] = -inner * np.log2(inner) - (1 - inner) * np.log2(1 - inner)

    def mean_bits(name: str) -> float:
        tally = np.zeros(len(members) + 1, dtype=np.int64)
        for block in blocks([mask.packed(name).bits for mask in members]):
            add_tally(block, tally)
        return float(tally @ bits) / members[0].packed(name).numel

    names = members[0].names
    means = each(mean_bits, [(name,) for name in names])
    return pd.Series(means, index=pd.Index(names, name="matrix"), name="entropy", dtype="float64")


def disagreement(masks: Masks, matrix: str) -> np.ndarray:
    """Where in a matrix the masks disagree, as a grid of at most 64 x 64 cells.

    Args:
        masks: at least two masks, all of one model.
        matrix: name of the matrix. A tensor with more dimensions is treated as (first, all others), a vector
            as one row.

    Returns:
        float64 (rows, columns): the share of pairs of masks that differ on a weight, averaged over the
        weights of a cell. The sizes of cells differ by at most one weight in each direction.

    Raises:
        BadInput: there are fewer than two masks, they belong to different models, or there is no such matrix.
    """
    _, members = labelled(masks)
    if len(members) < 2:
        raise BadInput("disagreement needs at least two masks. Give more than one.")
    shape = members[0].shapes[_known(matrix, members[0])]
    rows = shape[0] if len(shape) > 1 else 1
    columns = members[0].packed(matrix).numel // rows
    row_edges, column_edges = _edges(rows), _edges(columns)
    packed = [mask.packed(matrix).bits for mask in members]
    cells = np.empty((row_edges.size - 1, column_edges.size - 1))
    for band, (top, bottom) in enumerate(pairwise(row_edges)):
        start, stop = top * columns, bottom * columns
        kept = np.zeros(stop - start, dtype=np.int64)
        for bits in packed:
            kept += np.unpackbits(bits[start // 8 : -(-stop // 8)])[start % 8 :][: kept.size]
        differing = (kept * (len(members) - kept)).reshape(-1, columns).sum(axis=0)
        cells[band] = np.add.reduceat(differing, column_edges[:-1])
    pairs = len(members) * (len(members) - 1) // 2
    return cells / (np.outer(np.diff(row_edges), np.diff(column_edges)) * pairs)


def cell_means(values: np.ndarray) -> np.ndarray:
    """Averages one number per weight over the cells of `disagreement`; returns float64 (rows, columns)."""
    flat = values.reshape(values.shape[0] if values.ndim > 1 else 1, -1)
    edges = [_edges(length) for length in flat.shape]
    sums = np.add.reduceat(flat, edges[1][:-1], axis=1, dtype=np.float64)
    sums = np.add.reduceat(sums, edges[0][:-1], axis=0)
    return sums / np.outer(*map(np.diff, edges))


def point_means(values: np.ndarray, places: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Averages numbers of some weights over the cells of `disagreement`.

    Args:
        values: float64 (weights).
        places: int64 (weights), their places in the matrix in C order.
        shape: of the matrix.

    Returns:
        float64 (rows, columns); a cell without any has the mean of all.
    """
    edges = [_edges(length) for length in shape]
    cells = [
        np.searchsorted(ends, place, side="right") - 1
        for ends, place in zip(edges, np.divmod(places, shape[1]), strict=True)
    ]
    size = tuple(ends.size - 1 for ends in edges)
    flat = np.ravel_multi_index(cells, size)
    counts, sums = np.bincount(flat, minlength=math.prod(size)), np.bincount(flat, values, math.prod(size))
    means = np.divide(sums, counts, out=np.full(counts.size, values.mean()), where=counts > 0)
    return means.reshape(size)


def _edges(length: int) -> np.ndarray:
    cells = min(length, _MAP_CELLS)
    return np.arange(cells + 1) * length // cells


def _known(matrix: str, mask: Mask) -> str:
    if matrix not in mask.names:
        raise unknown("matrix", matrix, mask.names)
    return matrix
