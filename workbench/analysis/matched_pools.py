"""Pools whose masks were all trained in full, each with its control, and a table for each question."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from workbench.analysis.candidates import POOL, early_table, final_table, levels
from workbench.analysis.comparison import CONDITION, engine_labels
from workbench.analysis.selection import early_correlations, gains
from workbench.analysis.variance import VarianceShare, share_over_control, share_over_orders
from workbench.errors import BadInput
from workbench.runs import Run
from workbench.settings import to_plain

PLACE = [*CONDITION, "engine", "distance"]
ORDERS, CONTROL = "several data orders", "control"
# Settings that decide which masks a pool has and how it is raced, but not how its masks are trained in full.
_OF_POOLS = (
    *("sampler", "ratios", "distance", "exponent", "draws_by", "with_magnitude", "candidates"),
    *("early_epochs", "early_lr", "early_evaluations", "early_score"),
    *("shared_order", "halving", "keep_winner", "full_orders"),
)


@dataclass(frozen=True)
class MatchedPool:
    """The pools of one setting, and the copies of the magnitude mask that were trained like their masks.

    Attributes:
        task, model, sparsity: of the runs.
        engine: a label for their setting.
        runs: complete runs with final scores of all candidates, one for each seed.
        control: the same with the sampler "magnitude"; empty where there is none.
    """

    task: str
    model: str
    sparsity: float
    engine: str
    runs: list[Run]
    control: list[Run] = field(default_factory=list)

    @property
    def distance(self) -> float:
        """Share of the kept weights outside the magnitude mask, as a mean over sampled masks."""
        pools = (
            run.candidates(level)[: run.spec.engine.candidates] for run in self.runs for level in levels(run)
        )
        distances = [candidate.from_magnitude for pool in pools for candidate in pool]
        return float(pd.Series(distances, dtype="float64").mean())

    @property
    def place(self) -> tuple:
        """The values of the columns `PLACE`."""
        return self.task, self.model, self.sparsity, self.engine, self.distance

    @property
    def designs(self) -> list[str]:
        """The designs that tell the effect of masks from that of data orders here: `ORDERS`, `CONTROL`."""
        engine = self.runs[0].spec.engine
        control = self.control and not engine.shared_order
        return [ORDERS] * (engine.full_orders > 1) + [CONTROL] * bool(control)

    def share(self, design: str) -> VarianceShare:
        """The share of the final scores' variance that sampled masks explain, by one of the designs.

        Raises:
            BadInput: there are too few scores.
        """
        finals = final_table(self.runs)
        sampled = finals[finals["sampled"]]
        if design == ORDERS:
            return share_over_orders(sampled, self.runs[0].spec.engine.shared_order)
        copies = final_table(self.control)
        if self.control[0].spec.engine.shared_order:  # then all copies are one training
            copies = copies[copies["mask"] == 0]
        return share_over_control(sampled[sampled["order"] == 0], copies)

    def gains(self) -> pd.DataFrame:
        """`selection.gains`; where there is a control, at the seeds and levels that it has, too."""
        finals = final_table(self.runs).set_index(POOL)
        if not self.control:
            return gains(finals.reset_index())
        copies = final_table(self.control).set_index(POOL)
        both = finals.index.intersection(copies.index)
        pool, control = (table.loc[table.index.isin(both)].reset_index() for table in (finals, copies))
        return gains(pool, control, any(own[0].spec.engine.shared_order for own in (self.runs, self.control)))


def matched_pools(runs: Sequence[Run], labels: Mapping[str, str] | None = None) -> list[MatchedPool]:
    """The settings of the engine `randomized` whose pools were trained in full, with their controls.

    A control agrees with a pool in all settings but the seed and those of the masks and of the race, in the
    length of the full trainings, and in a seed.

    Args:
        runs: complete runs of any engines.
        labels: of each run's setting, by the run's name; by default `engine_labels`.

    Returns:
        one entry for each task, model, sparsity and setting, sorted by these and by the distance of the masks
        from the magnitude mask.
    """
    trained = [run for run in runs if run.spec.engine.id == "randomized" and run.spec.engine.full_scores]
    named = labels or dict(zip((run.name for run in trained), engine_labels(trained), strict=True))
    settings: dict[tuple, list[Run]] = {}
    for run in trained:
        spec = run.spec
        copies = spec.engine.sampler == "magnitude"
        key = (copies, spec.task, spec.model, spec.engine.sparsity, named[run.name])
        settings.setdefault(key, []).append(run)
    controls = [own for (copies, *_), own in settings.items() if copies]
    pools = [
        MatchedPool(*place, own, _control_of(own, controls))
        for (copies, *place), own in settings.items()
        if not copies
    ]
    return sorted(pools, key=lambda pool: (*pool.place[:3], pool.distance, pool.engine))


def share_table(pools: Sequence[MatchedPool]) -> pd.DataFrame:
    """The share of masks in the variance of final scores.

    Returns:
        one row for each pool and design: `PLACE`, seeds, design, the values of `VarianceShare` (share, low,
        high, masks, orders, deviation), and missing, a sentence where there is no share, else empty.
    """
    rows = []
    for pool in pools:
        for design in pool.designs or ["none"]:
            share, missing = VarianceShare(*[np.nan] * 3, 0, 0, np.nan), _NO_DESIGN
            try:
                if pool.designs:
                    share, missing = pool.share(design), ""
            except BadInput as error:
                missing = str(error)
            values = (getattr(share, name) for name in _SHARE)
            rows.append((*pool.place, len(pool.runs), design, *values, missing))
    return pd.DataFrame(rows, columns=[*PLACE, "seeds", "design", *_SHARE, "missing"])


def correlation_table(pools: Sequence[MatchedPool]) -> pd.DataFrame:
    """`selection.early_correlations` of each pool, after the columns `PLACE`."""
    return _joined(pools, [early_correlations(early_table(pool.runs)) for pool in pools])


def gain_table(pools: Sequence[MatchedPool]) -> pd.DataFrame:
    """`MatchedPool.gains` of each pool, after the columns `PLACE`."""
    return _joined(pools, [pool.gains() for pool in pools])


def predicts_from(correlations: pd.DataFrame) -> pd.DataFrame:
    """The early length from which on scores predict final ones.

    Args:
        correlations: `correlation_table`.

    Returns:
        one row for each pool and kind of score: `PLACE`, kind, step (the least from which on the intervals of
        all longer ones are above zero; NaN if there is none), longest (the longest early length that was
        seen), and rho, low and high there.
    """
    rows = []
    for place, curve in correlations.groupby([*PLACE, "kind"], sort=False, dropna=False):
        curve = curve.sort_values("step")
        above = (curve["low"] > 0).to_numpy()
        lasting = np.logical_and.accumulate(above[::-1])[::-1]
        last = curve.iloc[-1]
        step = curve["step"].to_numpy()[lasting.argmax()] if lasting.any() else np.nan
        rows.append((*place, step, last["step"], last["rho"], last["low"], last["high"]))
    return pd.DataFrame(rows, columns=[*PLACE, "kind", "step", "longest", "rho", "low", "high"])


_SHARE = ["share", "low", "high", "masks", "orders", "deviation"]
_NO_DESIGN = (
    "each mask was trained under one data order, without a control whose orders differ in the same way, so "
    "masks and orders cannot be told apart. Give full_orders=2, or add a control with sampler=magnitude and "
    "full_scores=true."
)


def _joined(pools: Sequence[MatchedPool], tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    parts = [
        table.assign(**dict(zip(PLACE, pool.place, strict=True)))
        for pool, table in zip(pools, tables, strict=True)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[[*PLACE, *table.columns.drop(PLACE)]]


def _control_of(runs: Sequence[Run], controls: Sequence[list[Run]]) -> list[Run]:
    """The control of a pool that has the most of its seeds; empty if none has any."""
    seeds, trained = {run.spec.seed for run in runs}, _full_training(runs[0])
    matching = [own for own in controls if _full_training(own[0]) == trained]
    shared = [len(seeds & {run.spec.seed for run in own}) for own in matching]
    return matching[shared.index(max(shared))] if any(shared) else []


def _full_training(run: Run) -> str:
    """How the candidates were trained in full, equal for a pool and its control."""
    plain = to_plain(run.spec)
    plain.pop("seed")
    for name in _OF_POOLS:
        plain["engine"].pop(name)
    lengths = [run.candidates(level, race="full")[0].curve[-1][0] for level in levels(run)]
    return json.dumps([plain, lengths])
