"""Pools of masks for property tests."""

import torch
from hypothesis import strategies as st

from workbench.randomness import torch_generator

# Close to the sizes of a byte, a word, a row of words and a map's cells.
LENGTHS = st.sampled_from([1, 2, 7, 8, 9, 63, 64, 65, 100, 127, 128, 129, 513])


@st.composite
def pools(draw, least: int = 1) -> list[dict[str, torch.Tensor]]:
    """Bool tensors for one to three matrices in up to nine masks of one model."""
    vector, matrix = st.tuples(LENGTHS), st.tuples(st.integers(1, 130), LENGTHS)
    block = st.tuples(*[st.integers(1, 4)] * 3)
    shapes = draw(st.lists(vector | matrix | block, min_size=1, max_size=3))
    count, seed = draw(st.integers(least, 9)), draw(st.integers(0, 99))
    share = draw(st.sampled_from([0, 0.1, 0.5, 1]))
    return [
        {
            f"m{place}": torch.rand(shape, generator=torch_generator(seed, index, place)) < share
            for place, shape in enumerate(shapes)
        }
        for index in range(count)
    ]
