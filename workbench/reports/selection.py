"""Whether selecting masks pays, in words, tables and figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from workbench import figures
from workbench.analysis import matched_pools
from workbench.analysis.matched_pools import MatchedPool
from workbench.errors import unknown
from workbench.figures import show
from workbench.reports import blocks
from workbench.reports import selection_text as text
from workbench.runs import Run

HOW_TO_TRAIN_POOLS = (
    "workbench prune synth/sst2 --engine randomized --set full_scores=true --set full_orders=2"
)


@dataclass(frozen=True)
class Selection:
    """Pools of one task and model whose masks were all trained in full.

    Attributes:
        title: the task, and the model if there are several.
        pools: `matched_pools` of it; at least one.
    """

    title: str
    pools: Sequence[MatchedPool]

    @classmethod
    def of(cls, runs: Sequence[Run], task: str = "") -> "Selection | None":
        """The pools of a task, by its title (`by_task`); by default the task with the most runs.

        None if no run trained its pools in full; a sentence then says so, and how to make one that does.

        Raises:
            BadInput: there is no such task among those that have pools.
        """
        found = by_task(runs)
        if task and found and task not in found:
            raise unknown("task with fully trained pools", task, found)
        return found[task or next(iter(found))] if found else None

    def show_subject(self) -> None:
        """What was trained, and what to know before drawing conclusions."""
        blocks.say(*text.what_was_trained(self.title, self.pools))
        blocks.say(*text.cautions(self.pools), kind="warning")
        blocks.table(text.pool_table(self.pools))

    def show_variance(self) -> None:
        """Do masks of a pool lead to different final scores, beyond what data orders do?"""
        shares = matched_pools.share_table(self.pools)
        known = shares[shares["missing"] == ""]
        blocks.say(*text.whether_masks_differ(shares), kind="result")
        if len(known):
            show(figures.selection.variance_shares(known), "variance")
            blocks.table(text.share_text(known))

    def show_correlations(self) -> None:
        """From which early length on does an early score predict the final one?"""
        correlations = matched_pools.correlation_table(self.pools)
        blocks.say(*text.when_scores_predict(correlations), kind="result")
        show(figures.selection.early_correlations(correlations), "correlations")
        blocks.table(text.prediction_text(matched_pools.predicts_from(correlations)))

    def show_gains(self) -> None:
        """What would the best choice, the race's and a random one have gained?"""
        gains = matched_pools.gain_table(self.pools)
        blocks.say(*text.what_choices_gain(gains), kind="result")
        show(figures.selection.gains(gains, self.pools[0].runs[0].results["metrics"][0]), "gains")
        blocks.table(text.gain_text(gains))


def by_task(runs: Sequence[Run]) -> dict[str, Selection]:
    """Fully trained pools by the title of their task, those with the most runs first.

    If there are runs but no such pools, a sentence says so, and how to make some.
    """
    pools = matched_pools.matched_pools(runs)
    models = pd.DataFrame([(pool.task, pool.model) for pool in pools], columns=["task", "model"])
    several = models.groupby("task")["model"].nunique() > 1
    found: dict[str, list[MatchedPool]] = {}
    for pool in pools:
        title = f"{pool.task}, {pool.model}" if several[pool.task] else pool.task
        found.setdefault(title, []).append(pool)
    if runs and not found:
        blocks.say(
            "None of these runs trained all candidates of its pools in full, so there are no "
            "final scores that early ones could be compared with. A run of the engine randomized with "
            "full_scores=true has them. With full_orders=2, or a control with sampler=magnitude, they also "
            "tell the effect of masks from that of data orders:",
            kind="warning",
        )
        blocks.command(HOW_TO_TRAIN_POOLS)
    order = sorted(found, key=lambda title: -sum(len(pool.runs) for pool in found[title]))
    return {title: Selection(title, found[title]) for title in order}
