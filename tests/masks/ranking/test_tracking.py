"""At every step, a tracker makes the same choice as ranking from scratch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.masks.ranking.reference import ARRAYS, WAYS, entries, slow_top_k, working
from workbench.errors import BadInput
from workbench.masks import TopKTracker, topk_counts
from workbench.masks.ranking import selection

# How far scores move in a step, relative to their size: slightly, far, and to new values.
MOVES = st.sampled_from([0.0, 1e-7, 1e-3, 0.1, 10.0])


@settings(deadline=None)
@given(st.lists(ARRAYS, min_size=1, max_size=3), st.lists(MOVES, max_size=4), st.data(), WAYS)
def test_every_step_equals_ranking_from_scratch(arrays, moves, data, way):
    scores = {f"w{i}": torch.from_numpy(array.clip(-1e30, 1e30)) for i, array in enumerate(arrays)}
    kept = {name: data.draw(st.integers(0, tensor.numel())) for name, tensor in scores.items()}
    per_matrix, together = TopKTracker(), TopKTracker()
    rng = torch.Generator().manual_seed(0)
    for move in [0.0, *moves]:
        for tensor in scores.values():
            tensor *= 1 + move * torch.randn(tensor.shape, generator=rng)
        with working(way):
            keep = per_matrix.select(scores, kept)
            expected = topk_counts(scores, kept)
            assert list(keep) == list(scores)
            assert all(torch.equal(keep[name], expected[name]) for name in scores)
            total = sum(kept.values())
            chosen = entries(together.select(scores, total).values())
        assert chosen == slow_top_k(entries(scores.values()), total)


def test_a_small_move_needs_one_pass(monkeypatch):
    windows = []
    counted = selection._histogram
    monkeypatch.setattr(selection, "_histogram", lambda v, w: windows.append(w) or counted(v, w))
    tracker, scores = TopKTracker(), torch.rand(10_000, generator=torch.Generator().manual_seed(0))
    for _ in range(5):
        windows.clear()
        tracker.select({"w": scores}, 1000)
        scores *= 1.0001
    assert [window.shift for window in windows] == [0]


def test_tensors_are_reused_and_follow_shapes():
    tracker = TopKTracker()
    first = tracker.select({"w": torch.tensor([[1.0, 2.0]])}, 1)["w"]
    assert first.tolist() == [[False, True]]
    second = tracker.select({"w": torch.tensor([[3.0, 2.0]], dtype=torch.float64)}, {"w": 1})["w"]
    assert second.data_ptr() == first.data_ptr()
    assert second.tolist() == [[True, False]]
    assert tracker.select({"w": torch.ones(3)}, 2)["w"].tolist() == [True, True, False]


def test_scores_that_require_gradients_are_ranked():
    scores = torch.nn.Parameter(torch.tensor([1.0, 3.0, 2.0]))
    assert TopKTracker().select({"w": scores}, 2)["w"].tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("scores", "kept", "message"),
    [
        ({}, 1, "empty"),
        ({"w": torch.ones(2)}, 3, "cannot keep 3 weights of all matrices. Give an integer from 0 to 2"),
        ({"w": torch.ones(2)}, {"v": 1}, "'v' is not in both mappings"),
        ({"w": torch.tensor([1.0, torch.nan])}, 1, "1 of 2 values of 'w' are NaN"),
    ],
)
def test_bad_input_is_rejected(scores, kept, message):
    with pytest.raises(BadInput, match=message):
        TopKTracker().select(scores, kept)


def test_scores_that_stop_being_finite_are_rejected_by_name():
    tracker, scores = TopKTracker(), {"v": torch.rand(50), "w": torch.rand(50)}
    for _ in range(3):
        tracker.select(scores, 20)
    scores["w"][7] = -torch.inf
    with pytest.raises(BadInput, match="1 of 50 values of 'w' are NaN or infinite"):
        tracker.select(scores, 20)
