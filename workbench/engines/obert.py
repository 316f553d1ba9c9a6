"""Second-order pruning with a block-wise Fisher matrix (Kurtic et al. 2022, "The Optimal BERT Surgeon").

Read in the code of its authors (sparseml's `modifier_pruning_obs.py` and the recipes beside it).
"""

import math
import sys
from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import nn

from workbench.engines.base import Scope
from workbench.engines.bench import Bench, State
from workbench.engines.gradual import GradualEngine, GradualPruning
from workbench.errors import BadInput
from workbench.masks import Mask, topk_mask
from workbench.models import prunable
from workbench.settings import Count, NonNegative, Positive, Share, settings
from workbench.training import BlockFisher, Distillation, fisher_bytes, label_gradients

# Examples in a mini-batch whose gradient is one g_j, as in the recipes for MNLI and QQP.
FISHER_BATCH_SIZE = 16


@settings
class OBERT(GradualEngine):
    """Prunes what the loss misses least by a quadratic model, and lets the other weights make up for it.

    The schedule is that of oBERT* (Kurtic et al. 2024, CPAL, appendix A). Each of its 61 prunings takes
    `gradients` more passes over mini-batches, many times the training itself on a small task; there one
    pruning in a learning-rate cycle, `prunings_per_epoch=0.5`, is nearer to oBERT's own schedule.

    The authors tune `damp` and `gradients` for each model by one-shot pruning to 50-70 %, over 1e-4 to 1e-8
    and 256 to 2,048: with too much damping it is magnitude pruning, with too little it is unstable. A limit
    on the gradient's norm was NOT FOUND, and there is none by default.

    Attributes:
        block: B, consecutive weights of a matrix that share a block of the Fisher matrix.
        damp: lambda, what is added to its diagonal.
        gradients: m, mini-batches whose gradients make it up.
        max_memory_gb: the most that the Fisher matrix may take, in 10^9 bytes.
    """

    id: ClassVar[str] = "obert"

    lr: Positive = 1e-4
    warmup: NonNegative = 0.0
    batch_size: Count = 32
    distillation: Distillation = Distillation(mode="logits", temperature=5.5, hardness=1.0)
    scope: Scope = "global"
    first_sparsity: Share = 0.7
    start_epoch: NonNegative = 2.0
    cycle_epochs: Positive | None = 2.0
    keep: Literal["best", "last"] = "last"
    block: Count = 50
    damp: Positive = 1e-7
    gradients: Count = 1024
    max_memory_gb: Positive = 8.0

    def check(self, model: nn.Module) -> None:
        """Says how much memory the Fisher matrix takes, and refuses more than it may."""
        sizes = [weight.numel() for weight in prunable(model).values()]
        limit = self.max_memory_gb * 1e9

        def needed(block: int) -> int:
            return sum(fisher_bytes(size, block) for size in sizes)

        enough = math.ceil(needed(self.block) / 1e7) / 100
        if needed(self.block) > limit:
            fitting = next((block for block in range(self.block - 1, 0, -1) if needed(block) <= limit), None)
            raise BadInput(
                f"obert: the Fisher matrix of {sum(sizes)} weights in blocks of {self.block} takes {enough} "
                f"GB, max_memory_gb is {self.max_memory_gb}. Set max_memory_gb={enough} if there is so much, "
                + (f"or block={fitting}." if fitting else "or a smaller model; no block is small enough.")
            )
        print(f"obert: the Fisher matrix takes {enough} GB at each pruning", file=sys.stderr, flush=True)

    def prune(self, bench: Bench) -> State:
        """Ranks, prunes, corrects and trains on, again and again."""
        steps = self.train_steps(bench)
        surgeon = SurgeonPruning(self.plan(steps), self.scope, self.block, self.damp, self.gradients)
        return self.train(bench, steps, surgeon)


class SurgeonPruning(GradualPruning):
    """The saliency rho_i = w_i^2 / (2 [F^-1]_ii) at each pruning, and the survivors' update w - F^-1 v.

    v_i is w_i / [F^-1]_ii for each weight i that is newly pruned and 0 elsewhere: within a block, newly
    pruned weights are treated as independent of each other. The g_j are gradients of the label loss, not of
    the distillation, in eval mode, times the mask. The code's eps beside the diagonal is left out; the
    diagonal is positive.
    """

    def __init__(self, plan: Mapping[int, float], scope: Scope, block: int, damp: float, gradients: int):
        """Plans.

        Args:
            plan, scope: as in `GradualPruning`.
            block, damp, gradients: as in `OBERT`.
        """
        super().__init__(plan, scope)
        self._block = block
        self._damp = damp
        self._gradients = gradients

    def choose(self, sparsity: float) -> Mask:
        """The next mask, and the survivors' update."""
        inverse = self._inverse_fisher()
        diagonals = {
            name: inverse[name].diagonal().double().reshape(weight.shape)
            for name, weight in self.weights.items()
        }
        rho = {name: weight.double() ** 2 / (2 * diagonals[name]) for name, weight in self.weights.items()}
        mask = topk_mask(self.among_kept(rho), sparsity, self.scope)
        for name, weight in self.weights.items():
            # Of weights pruned before, which are zero, v is zero too.
            v = (weight / diagonals[name]).masked_fill(mask[name].to(weight.device), 0)
            weight.sub_(inverse[name].times(v.float()))
        return mask

    def _inverse_fisher(self) -> dict[str, BlockFisher]:
        fishers = {
            name: BlockFisher(weight.numel(), self._block, weight.device)
            for name, weight in self.weights.items()
        }
        batches = self.training.sample(self._gradients, FISHER_BATCH_SIZE)
        with torch.enable_grad():
            for _, gradients in label_gradients(self.training.model, batches):
                for name, gradient in gradients.items():
                    gone = self.gone.get(name)
                    fishers[name].add(gradient if gone is None else gradient.masked_fill(gone, 0))
        for fisher in fishers.values():
            fisher.invert(self._damp)
        return fishers
