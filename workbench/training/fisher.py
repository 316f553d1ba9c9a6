"""The inverse of the empirical Fisher matrix of one weight matrix, in blocks along the diagonal.

Source: Kurtic et al. 2022 ("The Optimal BERT Surgeon"), in the authors' code.
"""

import torch
from torch import Tensor

from workbench.errors import Stopped

# Gradients are added in groups of this size: one by one, each would read and write all blocks.
WAITING = 16
_SCRATCH = 1 << 20


def fisher_bytes(numel: int, block: int) -> int:
    """Memory of a `BlockFisher`: the blocks and the buffer of gradients, in float32."""
    return 4 * -(-numel // block) * block * (block + WAITING)


class BlockFisher:
    """F = lambda I + (1/m) sum_j g_j g_j^T in blocks of B consecutive weights, and its inverse.

    The paper updates the inverse with each gradient (Sherman-Morrison). Here F is summed in float32 and
    inverted once in float64, which gives the same matrix with less memory traffic. The error is about 1e-7
    of the largest entries of a block. This is usually smaller than the rounding error of the updates, but
    larger for directions without gradients if lambda is not well above it. The last block is padded with
    weights without gradients.
    """

    def __init__(self, numel: int, block: int, device: torch.device):
        """An F of zero.

        Args:
            numel: weights of the matrix, flattened.
            block: B.
            device: where the blocks are stored.
        """
        self._numel = numel
        count = -(-numel // block)
        self._blocks = torch.zeros(count, block, block, device=device)
        self._waiting = torch.zeros(count, WAITING, block, device=device)
        self._added = 0

    def add(self, gradient: Tensor) -> None:
        """Adds one gradient g, of any shape with `numel` entries."""
        self._waiting[:, self._added % WAITING] = self._cut(gradient)
        self._added += 1
        if self._added % WAITING == 0:
            self._multiply_in()

    def invert(self, damp: float) -> None:
        """Replaces F, with lambda = `damp`, by its inverse; no gradient can be added afterwards.

        Raises:
            Stopped: F is so large that `damp` is below its rounding error.
        """
        self._multiply_in()
        size = self._blocks.shape[1]
        identity = damp * torch.eye(size, dtype=torch.float64, device=self._blocks.device)
        for part in self._blocks.split(max(1, _SCRATCH // size**2)):
            fisher = part.double() / max(self._added, 1) + identity
            factor, failed = torch.linalg.cholesky_ex(fisher)
            if failed.any():
                raise Stopped(
                    f"the Fisher matrix is not positive definite with damp={damp:g}: the gradients are too "
                    f"large for so little damping. Start a run with more, --set damp={10 * damp:g}, or with "
                    "fewer weights in a block."
                )
            part.copy_(torch.cholesky_inverse(factor))

    def diagonal(self) -> Tensor:
        """The diagonal of the inverse, (numel,), float32."""
        return self._blocks.diagonal(dim1=1, dim2=2).reshape(-1)[: self._numel]

    def times(self, vector: Tensor) -> Tensor:
        """The inverse times a vector of `numel` entries, in the vector's shape."""
        product = self._blocks @ self._cut(vector).unsqueeze(-1)
        return product.reshape(-1)[: self._numel].reshape(vector.shape)

    def _cut(self, vector: Tensor) -> Tensor:
        count, size, _ = self._blocks.shape
        padded = self._blocks.new_zeros(count * size)
        padded[: self._numel] = vector.reshape(-1)
        return padded.reshape(count, size)

    def _multiply_in(self) -> None:
        self._blocks.baddbmm_(self._waiting.mT, self._waiting)
        self._waiting.zero_()
