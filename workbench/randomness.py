"""All randomness, derived from explicit keys.

Every random number comes from a generator that is derived from a tuple of parts such as (seed, stage,
purpose, tensor name). The same parts give the same numbers on every machine and in any order, regardless of
other code. A test forbids global generators everywhere else.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def derive(*parts: str | int) -> int:
    """A seed in [0, 2**63) that depends only on `parts`.

    The types of the parts matter: `derive(1)` and `derive("1")` differ.
    """
    # Stage is a subclass of str and must count as one.
    kinds = ("str" if isinstance(part, str) else type(part).__name__ for part in parts)
    text = "\x1f".join(f"{kind}:{part}" for kind, part in zip(kinds, parts, strict=True))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def torch_generator(*parts: str | int) -> torch.Generator:
    """A CPU `torch.Generator` seeded by `derive(*parts)`."""
    return torch.Generator().manual_seed(derive(*parts))


def numpy_generator(*parts: str | int) -> np.random.Generator:
    """A NumPy PCG64 generator seeded by `derive(*parts)`."""
    return np.random.default_rng(derive(*parts))


@contextmanager
def seeded_globals(*parts: str | int) -> Iterator[None]:
    """Seeds torch's global generators for code that requires them (dropout, weight initialisation).

    Inside the block they are seeded with `derive(*parts)`; afterwards their state is restored.
    """
    used = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=used):
        torch.manual_seed(derive(*parts))
        yield
