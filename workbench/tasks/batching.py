"""Batches of examples of similar length, so that little of a batch is padding."""

import numpy as np

from workbench.randomness import numpy_generator

# Sorting by length within this many shuffled batches leaves little padding and still varies between epochs.
BATCHES_PER_POOL = 50


def batches(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The batches of a training epoch; depends only on the arguments.

    The examples are shuffled and divided into pools of 50 batches. Each pool is sorted by length and divided
    into batches, and the batches of all pools are shuffled.

    Args:
        lengths: (n,) tokens in each example.
        batch_size: examples per batch; examples left over form a shorter batch.
        seed, epoch: determine the order.

    Returns:
        Arrays of indices that together contain each of 0..n-1 exactly once.
    """
    rng = numpy_generator(seed, "batches", epoch)
    order = rng.permutation(len(lengths))
    pools = _chunks(order, batch_size * BATCHES_PER_POOL)
    in_order = [batch for pool in pools for batch in _by_length(pool, lengths, batch_size)]
    return [in_order[i] for i in rng.permutation(len(in_order))]


def ordered_batches(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Batches for evaluation: all examples sorted by length, shortest first, ties by index."""
    return _by_length(np.arange(len(lengths)), lengths, batch_size)


def _by_length(indices: np.ndarray, lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    return _chunks(indices[np.argsort(lengths[indices], kind="stable")], batch_size)


def _chunks(indices: np.ndarray, size: int) -> list[np.ndarray]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]
