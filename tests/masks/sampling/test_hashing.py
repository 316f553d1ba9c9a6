"""Random numbers from a hash: one definition, two implementations, no pattern."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from scipy import stats

from workbench.masks.sampling.hashing import hashed, hashed_torch, uniform
from workbench.randomness import derive

KEYS = st.integers(0, 2**64 - 1)


@njit
def hashes(key: np.uint64, start: int, count: int) -> np.ndarray:
    return np.array([hashed(key, start + i) for i in range(count)])


@njit
def uniforms(key: np.uint64, start: int, count: int) -> np.ndarray:
    return np.array([uniform(hashed(key, start + i)) for i in range(count)])


def splitmix(key: int, index: int) -> int:
    """The published function, with unbounded integers."""
    x = (key + index * 0x9E3779B97F4A7C15) % 2**64
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
    return x ^ (x >> 31)


@settings(deadline=None)  # the first call compiles
@given(KEYS, st.integers(0, 2**40))
def test_both_implementations_equal_the_published_function(key, index):
    expected = [splitmix(key, index + i) for i in range(3)]
    assert hashes(np.uint64(key), index, 3).tolist() == expected
    on_device = hashed_torch(key, index, index + 3, torch.device("cpu"))
    assert on_device.numpy().view(np.uint64).tolist() == expected


def test_uniform_numbers_are_never_zero_or_one():
    first, last = uniform.py_func(np.uint64(0)), uniform.py_func(np.uint64(2**64 - 1))
    assert (first, last) == (2.0**-53, 1 - 2.0**-53)


def key(*parts) -> np.uint64:
    return np.uint64(derive(*parts))


@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_uniform_and_neighbours_are_independent(seed):
    u = uniforms(key(seed, "a"), 0, 1 << 18)
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    for lag in (1, 2, 8, 768):
        pairs = np.histogram2d(u[:-lag], u[lag:], bins=16, range=[[0, 1], [0, 1]])[0]
        assert stats.chisquare(pairs.ravel()).pvalue > 1e-4


@pytest.mark.parametrize("other", [(1, "a"), (0, "b"), (0, "layer.1.query.weight")])
def test_streams_with_different_seeds_or_names_are_independent(other):
    u, v = uniforms(key(0, "a"), 0, 1 << 18), uniforms(key(*other), 0, 1 << 18)
    joint = np.histogram2d(u, v, bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(joint.ravel()).pvalue > 1e-4


def test_every_bit_is_fair_and_flips_with_every_bit_of_the_key():
    bits = np.unpackbits(hashes(key(0), 0, 1 << 14).view(np.uint8)).reshape(-1, 64)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(1 << 14)
    for flipped in range(64):
        changed = hashes(key(0) ^ np.uint64(1 << flipped), 0, 1 << 10) ^ hashes(key(0), 0, 1 << 10)
        shares = np.unpackbits(changed.view(np.uint8)).reshape(-1, 64).mean(axis=0)
        assert np.abs(shares - 0.5).max() < 6 * 0.5 / np.sqrt(1 << 10)
