"""Dropout drawn from a key: its rule, its way back, and what it leaves to torch."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from workbench.compute import QuickDropout
from workbench.execution.environment import torch_threads
from workbench.randomness import derive, torch_generator

DTYPES = torch.float32, torch.bfloat16


def dropped(x: torch.Tensor, p: float = 0.1, *key) -> torch.Tensor:
    with QuickDropout("test", *key):
        return F.dropout(x, p)


def chosen(number: int, key: int, levels: int) -> np.ndarray:
    """Which of the first numbers are dropped, by the rule: a hash of the pair's number, 16 bits for each."""
    bits = np.arange(-(-number // 2), dtype=np.uint64)
    low, high = key & 0xFFFFFFFF, key >> 32
    for shift, factor, part in ((17, 0xED5AD4BB, low), (11, 0xAC4C1B51, high), (15, 0x31848BAB, low)):
        bits = (bits + np.uint64(part)) & np.uint64(0xFFFFFFFF)
        bits ^= bits >> np.uint64(shift)
        bits = bits * np.uint64(factor) & np.uint64(0xFFFFFFFF)
    bits ^= bits >> np.uint64(14)
    halves = np.stack([bits & np.uint64(0xFFFF), bits >> np.uint64(16)], axis=1)
    return halves.reshape(-1)[:number] < levels


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (31,), (3, 5, 67), (0, 4)])
def test_it_drops_by_the_rule_in_every_format(shape, dtype):
    x, levels = torch.ones(shape, dtype=dtype), round(0.3 * 65536)
    rule = torch.from_numpy(chosen(x.numel(), derive("test", 1), levels)).view(shape)
    assert torch.equal(dropped(x, 0.3), x.masked_fill(rule, 0) * (65536 / (65536 - levels)))


def test_the_share_and_the_mean_are_those_of_dropout():
    x = torch.ones(1 << 20, dtype=torch.float32)
    for p in (0.1, 0.5):
        y = dropped(x, p)
        error = (p * (1 - p) / len(x)) ** 0.5
        assert (y == 0).float().mean() == pytest.approx(p, abs=4 * error)
        assert y.mean() == pytest.approx(1, abs=4 * error / (1 - p))


def test_neighbours_keys_and_calls_are_independent():
    x = torch.ones(1 << 20, dtype=torch.float32)
    with QuickDropout("test"):
        first, second = F.dropout(x, 0.5) - 1, F.dropout(x, 0.5) - 1
    other = dropped(x, 0.5, "other") - 1
    pairs = [(first, second), (first, other), *((first, first.roll(lag)) for lag in (1, 2, 32, 384, 4096))]
    for left, right in pairs:
        assert abs((left * right).mean()) < 4 / len(x) ** 0.5


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_take_the_same_way(dtype):
    x = torch.randn(40, 30, generator=torch_generator("dropout")).to(dtype).requires_grad_(True)
    y = dropped(x)
    y.backward(torch.ones_like(y).T.contiguous().T)
    assert torch.equal(y.detach() != 0, x.grad != 0)
    assert x.grad.max() == x.grad.unique()[-1] == torch.tensor(65536 / (65536 - 6554)).to(dtype)


def test_bits_do_not_depend_on_the_number_of_threads():
    x, results = torch.randn(700, 700, generator=torch_generator("dropout")), []
    for count in (1, 2, 5):
        with torch_threads(count):
            results.append(dropped(x))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_modules_draw_from_it_and_nothing_is_drawn_of_torch():
    x, module = torch.ones(64), nn.Dropout(0.1)
    state = torch.get_rng_state()
    with QuickDropout("test"):
        y = module(x)
        assert torch.equal(module.eval()(x), x)
    assert torch.equal(y, dropped(x))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("dtype", "p", "inplace"),
    [
        (torch.float64, 0.5, False),
        (torch.float32, 0.5, True),
        (torch.float32, 1.0, False),
        (torch.float32, 0, False),
    ],
)
def test_the_rest_is_left_to_torch(dtype, p, inplace):
    x = torch.ones(64, dtype=dtype)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        expected = F.dropout(x.clone(), p)
        torch.manual_seed(0)
        with QuickDropout("test"):
            assert torch.equal(F.dropout(x.clone(), p, inplace=inplace), expected)
