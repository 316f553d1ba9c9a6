import numpy as np
import torch

from workbench.randomness import derive, numpy_generator, seeded_globals, torch_generator


def test_a_seed_depends_only_on_its_parts():
    assert derive(0, "dropout", 3) == derive(0, "dropout", 3) == 3245663016642152938
    parts = [(0,), (1,), ("0",), (0, 0), ("a", "b"), ("ab",), ("a", "b", 0)]
    assert len({derive(*part) for part in parts}) == len(parts)
    assert all(0 <= derive(i) < 2**63 for i in range(100))


def test_generators_depend_only_on_their_parts():
    left, right = (numpy_generator("x", 1).integers(0, 10**9, 5) for _ in range(2))
    np.testing.assert_array_equal(left, right)
    first, second = (torch.rand(5, generator=torch_generator("x", 1)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, torch.rand(5, generator=torch_generator("x", 2)))


def test_the_global_generator_is_seeded_inside_and_restored_outside():
    before = torch.get_rng_state()
    with seeded_globals("a"):
        inside = torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)
    with seeded_globals("a"):
        assert torch.equal(torch.rand(3), inside)
    with seeded_globals("b"):
        assert not torch.equal(torch.rand(3), inside)
