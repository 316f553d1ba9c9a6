"""Sampling in one pass keeps, bit for bit, the weights with the largest z, without computing every z."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from tests.masks.sampling.test_hashing import splitmix
from workbench.execution.environment import torch_threads
from workbench.masks import parallel, sample_mask
from workbench.masks.ranking import kernels_torch
from workbench.masks.ranking.vectors import Vector, common_layout
from workbench.masks.sampling import counts, law, solved_law
from workbench.masks.sampling.histogram import Histogram
from workbench.masks.sampling.solved_law import Group, SolvedLaw
from workbench.randomness import derive


def group(tensors: list[torch.Tensor], kept: int, draws: int, exponent: float, seed=0, device=False) -> Group:
    vectors = []
    for i, tensor in enumerate(tensors):
        vectors.append(Vector(f"w{i}", tensor, common_layout(tensors)))
        if device:  # like a vector on an accelerator, except for the device
            vectors[-1].on_host, vectors[-1].kernels = False, kernels_torch
    histogram = Histogram.merged([Histogram.of(vector, 10) for vector in vectors])
    return Group(tuple(vectors), histogram, kept, draws, exponent, derive(seed, "exact"))


def sampled(drawn: Group) -> np.ndarray:
    packed = counts.sample(drawn)
    return np.concatenate([np.unpackbits(packed[v.name], count=v.size) for v in drawn.vectors]).astype(bool)


def slowly_sampled(tensors: list[torch.Tensor], drawn: Group) -> np.ndarray:
    """Computes every z with SciPy, one after the other, and sorts them."""
    log_time = SolvedLaw.of(drawn, 6.0).log_time
    z = []
    for i, w in enumerate(torch.cat([t.flatten().double() for t in tensors]).abs().tolist()):
        u = ((splitmix(drawn.key, i) >> 12) + 0.5) / 2**52
        y = drawn.exponent * math.log(w) + log_time if w else -math.inf
        if w == 0:
            z.append(-math.inf)
        elif drawn.draws == 1:
            z.append(y - math.log(-math.log1p(-u)))
        else:
            pi = -math.expm1(-math.exp(min(y, 700)))
            count = int(binom.isf(u, drawn.draws, pi))
            at_least, more = binom.sf(count - 1, drawn.draws, pi), binom.sf(count, drawn.draws, pi)
            z.append(count + (at_least - u) / (at_least - more))
    keep = np.zeros(len(z), dtype=bool)
    keep[sorted(range(len(z)), key=lambda i: -z[i])[: drawn.kept]] = True
    return keep


@st.composite
def weights(draw) -> list[torch.Tensor]:
    """Matrices of awkward sizes with ties, zeros of both signs and subnormals; some strided, some narrow."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    tensors = []
    for _ in range(draw(st.integers(1, 3))):
        size = draw(st.sampled_from([1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 129, 257]))
        tensor = torch.randn(size, 2, generator=generator)
        if draw(st.booleans()):
            tensor = (tensor * 4).round() / 4 * torch.tensor([1.0, -1.0])
        if draw(st.booleans()):
            tensor = tensor * 10.0 ** -torch.randint(0, 44, (size, 2), generator=generator)
        tensor = tensor.to(
            draw(st.sampled_from([torch.float32, torch.bfloat16, torch.float16, torch.float64]))
        )
        tensors.append(tensor.T if draw(st.booleans()) else tensor)
    return tensors


@settings(deadline=None)  # the first call compiles
@given(
    tensors=weights(),
    share=st.floats(0, 1),
    draws=st.sampled_from([1, 1, 2, 3, 12, 221, 5000]),
    exponent=st.sampled_from([0.0, 0.3, 1.0, 5.0, 30.0]),
    seed=st.integers(0, 99),
)
def test_one_pass_keeps_the_same_weights_as_ranking_every_z(tensors, share, draws, exponent, seed):
    alive = sum(int(t.count_nonzero()) for t in tensors)
    if alive:
        drawn = group(tensors, max(1, round(share * alive)), draws, exponent, seed)
        result = sampled(drawn)
        assert result.sum() == drawn.kept
        np.testing.assert_array_equal(result, slowly_sampled(tensors, drawn))


@settings(deadline=None)  # the first call compiles
@given(tensors=weights(), share=st.floats(0, 1), draws=st.sampled_from([1, 2, 55]), seed=st.integers(0, 99))
def test_an_accelerator_gives_the_same_bits(tensors, share, draws, seed):
    alive = sum(int(t.count_nonzero()) for t in tensors)
    if alive:
        here, there = (
            group(tensors, max(1, round(share * alive)), draws, 5.0, seed, device) for device in (False, True)
        )
        np.testing.assert_array_equal(here.histogram.counts, there.histogram.counts)
        assert here.histogram.zeros == there.histogram.zeros
        np.testing.assert_array_equal(sampled(here), sampled(there))


@pytest.mark.parametrize("draws", [1, 2, 55])
def test_a_threshold_outside_the_window_costs_a_pass_but_does_not_change_the_mask(draws, monkeypatch):
    tensors = [torch.randn(100, 100, generator=torch.Generator().manual_seed(3))]
    drawn = group(tensors, 1000, draws, 5.0)
    expected = sampled(drawn)
    widths = []
    solve = SolvedLaw.of
    monkeypatch.setattr(counts, "_WIDTH", 1e-9)
    monkeypatch.setattr(
        counts.SolvedLaw, "of", lambda group, width: widths.append(width) or solve(group, width)
    )
    np.testing.assert_array_equal(sampled(drawn), expected)
    assert len(widths) > 1


@pytest.mark.parametrize("scope", ["matrix", "global"])
def test_neither_chunks_nor_threads_nor_margins_change_a_bit(scope, monkeypatch):
    made = torch.Generator().manual_seed(5)
    tensors = {f"layer.{i}.w": torch.randn(77, 131, generator=made) for i in range(3)}
    expected = sample_mask(tensors, 0.8, 0.003, scope=scope)
    monkeypatch.setattr(parallel, "CHUNK", 64)
    monkeypatch.setattr(solved_law, "_MARGIN", 1e-3)
    for threads in (1, 4):
        with torch_threads(threads):
            assert sample_mask(tensors, 0.8, 0.003, scope=scope) == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_largest_numbers_are_counted_and_infinity_is_rejected(dtype):
    huge = torch.finfo(dtype).max
    mask = sample_mask({"w": torch.tensor([huge, 1.0, -huge, 0.5], dtype=dtype)}, 0.5, exponent=30)
    assert mask["w"].tolist() == [True, False, True, False]


@pytest.mark.parametrize(("exponent", "error"), [(1.0, 1e-6), (5.0, 1e-5), (100.0, 1e-3)])
def test_the_histogram_hardly_changes_the_probabilities(exponent, error):
    w = torch.randn(50_000, generator=torch.Generator().manual_seed(1))
    log_p = np.sort(exponent * np.log(w.double().abs().numpy()))
    log_time = SolvedLaw.of(group([w], 5000, 55, exponent), 6.0).log_time
    exact = law.log_time(log_p, np.ones(w.numel(), dtype=np.int64), 5000, w.numel() - 5000)
    pi, expected = (-np.expm1(-np.exp(np.minimum(log_p + t, 5))) for t in (log_time, exact))
    assert np.abs(pi - expected).max() < error
