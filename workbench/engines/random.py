"""Static random masks."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from workbench.engines.bench import Bench, State
from workbench.engines.densities import Densities, kept_by_density
from workbench.engines.ranking import RankingEngine
from workbench.errors import BadInput
from workbench.masks import Mask, topk_counts
from workbench.masks.patterns import NM, Neuron
from workbench.models import prunable
from workbench.schedules import Linear
from workbench.scores import random
from workbench.settings import settings
from workbench.stages import Stage


@settings
class Random(RankingEngine):
    """Trains under a random mask that is chosen before training and never updated (Liu et al. 2022).

    Liu et al. train the network from scratch on the labels only. Here it is the pretrained encoder, as with
    the random masks of Chen et al. 2020, and it is distilled from the dense model (`distillation`). ER and
    ERK are the densities of Mocanu et al. 2018 and Evci et al. 2020. With a pattern, whole blocks or rows are
    distributed by the same densities; n:m, and rows of different lengths, need "uniform".

    Attributes:
        densities: how the kept weights are distributed over the matrices: "uniform", "er" or "erk" (see
            `kept_by_density`).
        counts_of: folder of a finished run, whose kept weights per matrix are used instead ("shuffled": the
            same counts, other weights). Only the counts become part of the spec.
        counts: kept weights of each matrix, in the model's order, instead of `densities`.
        start: the pretrained encoder with a fresh head, as in Chen et al. 2020, or the dense fine-tuned
            model.
    """

    id: ClassVar[str] = "random"

    densities: Densities = "erk"
    counts_of: str | None = None
    counts: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    start: Literal["pretrained", "dense"] = "pretrained"

    def __post_init__(self):
        super().__post_init__()
        if self.counts_of is not None and self.counts is not None:
            raise BadInput("random: counts_of and counts both set the kept weights; give one of them.")
        given = self.counts_of is not None or self.counts is not None
        if isinstance(self.arrangement, NM) and (given or self.densities != "uniform"):
            raise BadInput(
                f"random: with the pattern {self.pattern} all matrices have the same density. Give "
                "densities=uniform, and no counts."
            )

    def resolve(self, mask_file: Callable[[str], Path]) -> "Random":
        """Replaces the run in `counts_of` with that run's counts."""
        if self.counts_of is None:
            return self
        try:
            counts = tuple(Mask.load(mask_file(self.counts_of)).kept_per_matrix().values())
        except BadInput as error:
            raise BadInput(f"random: counts_of: {error}") from error
        return replace(self, counts_of=None, counts=counts)

    def check(self, model: nn.Module) -> None:
        """Rejects counts of another model or another sparsity, and a pattern that does not fit."""
        super().check(model)
        self.kept({name: weight.shape for name, weight in prunable(model).items()})

    def prune(self, bench: Bench) -> State:
        """Samples one mask and trains once."""
        state = self.first_state(bench)
        kept = self.kept({name: weight.shape for name, weight in state.weights.items()})
        groups = {name: count // self._size(state.weights[name].shape) for name, count in kept.items()}
        mask = topk_counts(random(state.weights, bench.seed), groups, self.pattern)
        return bench.train(
            Stage.level(1), state, self.training_config(self.train_steps(bench), schedule=Linear), mask
        )

    def kept(self, shapes: Mapping[str, torch.Size]) -> dict[str, int]:
        """Kept weights of each matrix, a multiple of the size of its blocks or rows.

        Raises:
            BadInput: `counts` do not fit the shapes, the sparsity or the pattern.
        """
        groups = [self._size(shape) for shape in shapes.values()]
        if self.counts is not None:
            counts = self._fitting([shape.numel() for shape in shapes.values()])
            self._check_whole(dict(zip(shapes, counts, strict=True)), groups)
            return dict(zip(shapes, counts, strict=True))
        if self.densities != "uniform":
            self._check_equal(groups)
        return kept_by_density(shapes, self.sparsity, self.densities, groups)

    def _check_that_groups_are_kept(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        if self.counts is None and self.densities == "uniform":
            super()._check_that_groups_are_kept(shapes)

    def _size(self, shape: torch.Size) -> int:
        return self.arrangement.size(tuple(shape))

    def _check_equal(self, sizes: list[int]) -> None:
        if isinstance(self.arrangement, Neuron) and len(set(sizes)) > 1:
            raise BadInput(
                f"random: densities={self.densities} distributes rows over all matrices, but these have rows "
                f"of {min(sizes)} to {max(sizes)} weights. Give densities=uniform with the pattern neuron."
            )

    def _check_whole(self, counts: dict[str, int], sizes: list[int]) -> None:
        for (name, count), size in zip(counts.items(), sizes, strict=True):
            if count % size:
                raise BadInput(
                    f"random: the counts keep {count} weights of {name}, not a multiple of {size}, with the "
                    f"pattern {self.pattern}. Give the counts of a run with this pattern."
                )

    def _fitting(self, sizes: list[int]) -> list[int]:
        counts = list(self.counts)
        if len(counts) != len(sizes) or any(count > size for count, size in zip(counts, sizes, strict=False)):
            raise BadInput(
                f"random: counts for {len(counts)} matrices do not fit the {len(sizes)} matrices of this "
                "model. Use the counts of a run of the same model."
            )
        sparsity = 1 - sum(counts) / sum(sizes)
        # A run that prunes per matrix rounds in each of them.
        if abs(sparsity - self.sparsity) * sum(sizes) > len(sizes):
            raise BadInput(
                f"random: sparsity is {self.sparsity}, but the counts have {sparsity:.6g}. Give the latter."
            )
        return counts
