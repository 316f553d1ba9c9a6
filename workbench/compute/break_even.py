"""Which of a dense and a sparse layer is quicker, from what both cost on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.compute.products import passed

# What a layer's seconds are a sum of, each times a factor that is measured.
DENSE = ("calls", "weights", "products")
SPARSE = ("calls", "kept", "products", "tokens")


@dataclass(frozen=True)
class BreakEven:
    """What layers cost in one format, on one machine, with one number of threads.

    Attributes:
        dtype: what is computed in, "bfloat16" or "float32".
        dense: for a training "step", in bfloat16 under autocast, and for a "forward" pass of a model that is
            in this format itself, the seconds of each of `DENSE`.
        sparse: the same for `SPARSE`; empty where there are no kernels for the processor.
    """

    dtype: str
    dense: Mapping[str, tuple[float, ...]]
    sparse: Mapping[str, tuple[float, ...]]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "BreakEven":
        """The reverse of `dataclasses.asdict`, also from JSON, where tuples are lists."""
        parts = [
            {kind: tuple(factors) for kind, factors in plain[part].items()} for part in ("dense", "sparse")
        ]
        return cls(plain["dtype"], *parts)

    def seconds(
        self, shape: tuple[int, int], kept: int, tokens: int, *, training: bool = True
    ) -> tuple[float, float]:
        """What a dense and a sparse layer of a shape (out, in) take for a step, or for a forward pass.

        Args:
            shape: of the matrix.
            kept: its weights that are kept.
            tokens: in a batch.
            training: whether gradients are computed as well.
        """
        kind = "step" if training else "forward"
        dense = _sum(self.dense[kind], dense_terms(shape, tokens))
        sparse = _sum(self.sparse[kind], sparse_terms(shape, kept, tokens)) if self.sparse else float("inf")
        return dense, sparse

    def best(self, shape: tuple[int, int], kept: int, tokens: int, *, training: bool = True) -> str:
        """The string "sparse" or "dense", whichever is quicker; see `seconds`."""
        dense, sparse = self.seconds(shape, kept, tokens, training=training)
        return "sparse" if sparse < dense else "dense"

    def sparsity(self, shape: tuple[int, int], tokens: int, *, training: bool = True) -> float:
        """The share of a matrix's weights beyond which sparse is quicker; 1.0 where it never is."""
        numel = shape[0] * shape[1]
        dense, none = self.seconds(shape, 0, tokens, training=training)
        _, every = self.seconds(shape, numel, tokens, training=training)
        if none >= dense:
            return 1.0
        return max(0.0, 1 - (dense - none) / (every - none)) if every > none else 0.0


def dense_terms(shape: tuple[int, int], tokens: int) -> tuple[float, ...]:
    """The numbers of `DENSE`: under autocast a dense layer also converts its weights, whatever the batch."""
    numel = shape[0] * shape[1]
    return 1.0, float(numel), float(numel * tokens)


def sparse_terms(shape: tuple[int, int], kept: int, tokens: int) -> tuple[float, ...]:
    """The numbers of `SPARSE`: products and the turning of tokens into blocks, of whole passes of tokens."""
    tokens = passed(tokens)
    return 1.0, float(kept), float(kept * tokens), float((shape[0] + shape[1]) * tokens)


def _sum(factors: tuple[float, ...], terms: tuple[float, ...]) -> float:
    return sum(factor * term for factor, term in zip(factors, terms, strict=True))
