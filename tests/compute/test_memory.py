"""Memory for activations is used again, and no more of it is held than was needed at one time."""

import mmap

import pytest
import torch

from workbench.compute import memory
from workbench.execution.environment import release_memory


def test_a_piece_serves_again_for_what_is_at_most_a_quarter_smaller():
    pool = memory.Pool()
    piece = pool.take(10)
    pool.give_back(piece)
    assert pool.take(8) is piece
    pool.give_back(piece)
    assert pool.take(7) is not piece


def test_what_is_held_is_never_more_than_what_was_in_use_at_one_time():
    pool = memory.Pool()
    for pages in (1, 2, 3, 9, 4, 20, 5, 6):  # batches of every length
        pieces = [pool.take(pages) for _ in range(3)]
        assert pool.used + pool.free <= pool.most
        for piece in pieces:
            pool.give_back(piece)
        assert pool.used == 0
        assert pool.free <= pool.most
    assert pool.most == 60
    pool.release()
    assert pool.free == pool.most == 0


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="no large pages here")
def test_a_tensor_gives_its_memory_back_when_nobody_holds_it():
    release_memory()
    before = memory._pool.used
    tensor = memory.empty((3, 1 << 20), torch.float32)
    view = tensor[1:]
    del tensor
    assert memory._pool.used == before + 6
    del view
    assert memory._pool.used == before
    assert memory._pool.free == 6
    release_memory()
    assert memory._pool.free == 0
