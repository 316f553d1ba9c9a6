import numpy as np
import pytest

from workbench.tasks import batches, ordered_batches

LENGTHS = np.random.default_rng(0).integers(5, 60, size=2085)


@pytest.mark.parametrize("batch_size", [1, 7, 32, 5000])
def test_each_index_occurs_once_and_at_most_one_batch_is_short(batch_size):
    made = batches(LENGTHS, batch_size, seed=0, epoch=0)
    assert sorted(np.concatenate(made)) == list(range(len(LENGTHS)))
    sizes = sorted(len(batch) for batch in made)
    assert all(size == batch_size for size in sizes[1:])
    assert len(made) == -(-len(LENGTHS) // batch_size)


def test_the_order_depends_only_on_seed_and_epoch():
    def order(seed, epoch):
        return [batch.tolist() for batch in batches(LENGTHS, 32, seed, epoch)]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)


def test_batches_have_similar_lengths_and_are_not_sorted():
    made = batches(LENGTHS, 32, seed=0, epoch=0)
    padded = sum(len(batch) * LENGTHS[batch].max() for batch in made)
    assert padded < 1.1 * LENGTHS.sum()
    longest = [LENGTHS[batch].max() for batch in made]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


def test_different_epochs_have_different_batches():
    first, second = ({tuple(sorted(b)) for b in batches(LENGTHS, 32, 0, epoch)} for epoch in (0, 1))
    assert not first & second


def test_evaluation_batches_are_sorted_by_length_with_ties_by_index():
    made = ordered_batches(np.array([3, 1, 3, 2, 1]), 2)
    assert [batch.tolist() for batch in made] == [[1, 4], [3, 0], [2]]
