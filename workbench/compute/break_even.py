"""Whether a dense or a sparse layer is faster, computed from measured costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.compute.products import passed

# The time of a layer is a sum of these terms, each multiplied by a measured factor.
DENSE = ("calls", "weights", "products")
SPARSE = ("calls", "kept", "products", "tokens")


@dataclass(frozen=True)
class BreakEven:
    """The costs of layers in one format, on one machine, with one number of threads.

    Attributes:
        dtype: the format of the computation, "bfloat16" or "float32".
        dense: the factors of the terms `DENSE`, in seconds, for a training "step" (with bfloat16 under
            autocast) and for a "forward" pass of a model whose weights are in this format.
        sparse: the same for the terms `SPARSE`; empty if the kernels do not work on this processor.
    """

    dtype: str
    dense: Mapping[str, tuple[float, ...]]
    sparse: Mapping[str, tuple[float, ...]]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "BreakEven":
        """The inverse of `dataclasses.asdict`; also reads JSON, where tuples are lists."""
        parts = [
            {kind: tuple(factors) for kind, factors in plain[part].items()} for part in ("dense", "sparse")
        ]
        return cls(plain["dtype"], *parts)

    def seconds(
        self, shape: tuple[int, int], kept: int, tokens: int, *, training: bool = True
    ) -> tuple[float, float]:
        """Seconds of a dense and of a sparse layer for a training step, or for a forward pass.

        Args:
            shape: (out, in) of the matrix.
            kept: number of its kept weights.
            tokens: number of tokens in a batch.
            training: whether gradients are computed too.
        """
        kind = "step" if training else "forward"
        dense = _sum(self.dense[kind], dense_terms(shape, tokens))
        sparse = _sum(self.sparse[kind], sparse_terms(shape, kept, tokens)) if self.sparse else float("inf")
        return dense, sparse

    def best(self, shape: tuple[int, int], kept: int, tokens: int, *, training: bool = True) -> str:
        """The string "sparse" or "dense", whichever is faster; see `seconds`."""
        dense, sparse = self.seconds(shape, kept, tokens, training=training)
        return "sparse" if sparse < dense else "dense"

    def sparsity(self, shape: tuple[int, int], tokens: int, *, training: bool = True) -> float:
        """The sparsity of a matrix above which sparse is faster; 1.0 if it never is."""
        numel = shape[0] * shape[1]
        dense, none = self.seconds(shape, 0, tokens, training=training)
        _, every = self.seconds(shape, numel, tokens, training=training)
        if none >= dense:
            return 1.0
        return max(0.0, 1 - (dense - none) / (every - none)) if every > none else 0.0


def dense_terms(shape: tuple[int, int], tokens: int) -> tuple[float, ...]:
    """The terms `DENSE`: under autocast a dense layer also converts its weights, whatever the batch."""
    numel = shape[0] * shape[1]
    return 1.0, float(numel), float(numel * tokens)


def sparse_terms(shape: tuple[int, int], kept: int, tokens: int) -> tuple[float, ...]:
    """The terms `SPARSE`: products, and rearranging tokens into blocks, for whole passes of tokens."""
    tokens = passed(tokens)
    return 1.0, float(kept), float(kept * tokens), float((shape[0] + shape[1]) * tokens)


def _sum(factors: tuple[float, ...], terms: tuple[float, ...]) -> float:
    return sum(factor * term for factor, term in zip(factors, terms, strict=True))
