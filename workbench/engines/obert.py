"""Second-order pruning with a block-wise Fisher matrix (Kurtic et al. 2022, "The Optimal BERT Surgeon").

The details follow the authors' code (`modifier_pruning_obs.py` in sparseml, and its recipes).
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
from workbench.masks import Mask
from workbench.models import prunable
from workbench.settings import Count, NonNegative, Positive, Share, Warmup, settings
from workbench.training import (
    BlockFisher,
    Distillation,
    fisher_bytes,
    installed_memory,
    label_gradients,
    progress_bar,
)

# Examples in the mini-batch of one gradient g_j, as in the recipes for MNLI and QQP.
FISHER_BATCH_SIZE = 16


@settings
class OBERT(GradualEngine):
    """Prunes the weights that matter least in a quadratic model of the loss, and updates the others.

    The schedule is that of oBERT* (Kurtic et al. 2024, CPAL, appendix A). Each of its 61 pruning steps takes
    `gradients` extra passes over mini-batches, which on a small task is many times the cost of the training
    itself. There, one pruning step per learning-rate cycle, `prunings_per_epoch=0.5`, is closer to oBERT's
    own schedule.

    The authors tune `damp` (1e-4 to 1e-8) and `gradients` (256 to 2,048) for each model by one-shot pruning
    to 50-70 %. With too much damping the method reduces to magnitude pruning; with too little it is unstable.
    NOT FOUND: any gradient clipping, so there is none by default. We infer, as for `smp`, that their scripts
    use `clip=1.0`, the default of the library that they train with.

    With a pattern, blocks and rows are ranked by the mean of rho_i. The paper's saliency of a group, which
    includes how its weights correlate, is not implemented.

    Attributes:
        block: B, the number of consecutive weights of a matrix in one block of the Fisher matrix.
        damp: lambda, added to the diagonal of the Fisher matrix.
        gradients: m, the number of mini-batches whose gradients form the Fisher matrix.
        max_memory_gb: memory limit for the Fisher matrix, in 10^9 bytes.
    """

    id: ClassVar[str] = "obert"

    lr: Positive = 1e-4
    warmup: Warmup = 0.0
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
        """Prints how much memory the Fisher matrix takes, and rejects a model that exceeds the limit."""
        super().check(model)
        sizes = [weight.numel() for weight in prunable(model).values()]
        installed = installed_memory() / 1e9
        limit = min(self.max_memory_gb, installed) * 1e9

        def needed(block: int) -> int:
            return sum(fisher_bytes(size, block) for size in sizes)

        enough = math.ceil(needed(self.block) / 1e7) / 100
        if needed(self.block) > limit:
            fitting = next((block for block in range(self.block - 1, 0, -1) if needed(block) <= limit), None)
            remedies = [f"max_memory_gb={enough}"] if enough < installed else []
            remedies += [f"block={fitting}"] if fitting else []
            raise BadInput(
                f"obert: the Fisher matrix of {sum(sizes)} weights in blocks of {self.block} takes {enough} "
                f"GB, but max_memory_gb is {self.max_memory_gb} and this machine has {installed:.1f} GB. "
                + (f"Set {' or '.join(remedies)}." if remedies else "Choose a smaller model.")
            )
        print(f"obert: the Fisher matrix takes {enough} GB at each pruning step", file=sys.stderr, flush=True)

    def prune(self, bench: Bench) -> State:
        """Trains once, and ranks, prunes and corrects at every planned step."""
        steps = self.train_steps(bench)
        fisher = self.block, self.damp, self.gradients
        surgeon = SurgeonPruning(self.plan(steps), self.scope, *fisher, self.pattern)
        return self.train(bench, steps, surgeon)


class SurgeonPruning(GradualPruning):
    """Prunes by the saliency rho_i = w_i^2 / (2 [F^-1]_ii) and updates the kept weights to w - F^-1 v.

    v_i is w_i / [F^-1]_ii for each newly pruned weight i and 0 elsewhere: newly pruned weights of one block
    are treated as independent of each other. The g_j are gradients of the label loss (not of the distillation
    loss) in eval mode, times the mask. The code adds an eps to the diagonal; we omit it, since the diagonal
    is positive.
    """

    def __init__(
        self,
        plan: Mapping[int, float],
        scope: Scope,
        block: int,
        damp: float,
        gradients: int,
        pattern: str = "unstructured",
    ):
        """Stores the plan.

        Args:
            plan, scope, pattern: as in `GradualPruning`.
            block, damp, gradients: as in `OBERT`.
        """
        super().__init__(plan, scope, pattern)
        self._block = block
        self._damp = damp
        self._gradients = gradients

    def choose(self, sparsity: float) -> Mask:
        """Chooses the next mask and updates the kept weights."""
        inverse = self._inverse_fisher()
        diagonals = {
            name: inverse[name].diagonal().double().reshape(weight.shape)
            for name, weight in self.weights.items()
        }
        rho = {name: weight.double() ** 2 / (2 * diagonals[name]) for name, weight in self.weights.items()}
        mask = self.highest(rho, sparsity)
        for name, weight in self.weights.items():
            # Weights that were pruned before are zero, and so is their v.
            v = (weight / diagonals[name]).masked_fill(mask[name].to(weight.device), 0)
            weight.sub_(inverse[name].times(v.float()))
        return mask

    def _inverse_fisher(self) -> dict[str, BlockFisher]:
        fishers = {
            name: BlockFisher(weight.numel(), self._block, weight.device)
            for name, weight in self.weights.items()
        }
        batches = self.training.sample(self._gradients, FISHER_BATCH_SIZE)
        with torch.enable_grad(), progress_bar("gradients", self._gradients, unit="batch") as bar:
            for _, gradients in label_gradients(self.training.model, batches):
                bar.update()
                for name, gradient in gradients.items():
                    fishers[name].add(gradient * self.kept[name] if self.kept else gradient)
        for fisher in fishers.values():
            fisher.invert(self._damp)
        return fishers
