"""Whether selecting masks pays, as sentences and as tables of text."""

from collections.abc import Iterable, Sequence

import pandas as pd

from workbench.analysis import matched_pools
from workbench.analysis.matched_pools import PLACE, MatchedPool
from workbench.figures.selection import over_what, setting_titles
from workbench.reports import blocks

_CHOICES = {
    "race": "The race's choice",
    "random": "A random mask",
    "oracle": "The oracle",
    "oracle in another order": "The oracle, measured in another order,",
    "oracle of the control": "The oracle of the control",
    "magnitude": "The magnitude mask",
}
# Up to so many settings have a sentence each.
_FEW = 3


def what_was_trained(title: str, pools: Sequence[MatchedPool]) -> list[str]:
    """Task, settings and seeds, and on what the final scores are measured."""
    runs = [run for pool in pools for run in pool.runs]
    seeds = sorted({run.spec.seed for run in runs})
    results = runs[0].results
    settings = f"{len(pools)} setting{'s' if len(pools) > 1 else ''}"
    return [
        f"{len(runs)} run{'s' if len(runs) > 1 else ''} of {settings} on {title}, "
        f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}. Every mask of a pool was trained "
        "in full, whether the race chose it or not.",
        f"Final scores are the {results['metrics'][0]} at the end of these trainings, on the "
        f"{results['examples']['validation']:,} examples used for selection. Only masks that were chosen "
        "have dev scores.",
    ]


def cautions(pools: Sequence[MatchedPool]) -> list[str]:
    """What to know before drawing conclusions."""
    sentences = []
    few = [title for pool, title in zip(pools, _titles(pools), strict=True) if len(pool.runs) == 1]
    if few:
        sentences.append(f"One seed: {'; '.join(few)}. Gains have no interval over seeds there.")
    if any(len(pool.runs[0].results["levels"]) > 1 for pool in pools):
        sentences.append(
            "Pools of later levels are sampled from the weights of the mask that was chosen before, so the "
            "levels of a run are not independent."
        )
    if any(pool.runs[0].spec.engine.with_magnitude for pool in pools):
        sentences.append(
            "Some pools include the magnitude mask. It counts in correlations, and race and oracle may "
            "choose it, but it counts neither in the variance nor as a random mask."
        )
    varying = [
        title
        for pool, title in zip(pools, _titles(pools), strict=True)
        if len({candidate.ratio for candidate in pool.runs[0].candidates(1)} - {None}) > 1
    ]
    if varying:
        sentences.append(
            f"Masks that were sampled at several ratios differ by their ratio, too: {'; '.join(varying)}. "
            "The setting distance gives masks of equal randomness."
        )
    return sentences


def whether_masks_differ(shares: pd.DataFrame) -> list[str]:
    """The variance in words: a sentence for each of few settings, or one for all."""
    titled = shares.assign(title=setting_titles(shares))
    known, unknown = titled[titled["missing"] == ""], titled[titled["missing"] != ""]
    sentences = []
    for (reason, design), rows in unknown.groupby(["missing", "design"], sort=False):
        by = "" if design == "none" else f" by {design}"
        sentences.append(f"No answer{by} for {_listed(rows['title'])}, because {reason.rstrip('.')}.")
    if len(known) <= _FEW:
        return sentences + [_variance(row) for row in known.itertuples()]
    differ = known["low"] > 0
    seen = f"Masks differ beyond data order in {differ.sum()} of {len(known)} comparisons"
    seen += f": {_listed(known.loc[differ, 'title'])}." if differ.any() else "."
    if not differ.all():
        most = _percent(known.loc[~differ, "high"].max())
        seen += f" In the others, intervals reach from 0 to at most {most} of the variance."
    return [*sentences, seen]


def when_scores_predict(correlations: pd.DataFrame) -> list[str]:
    """The prediction in words: a sentence for each of few settings, or one for each kind of score."""
    found = matched_pools.predicts_from(correlations)
    found["title"] = setting_titles(found)
    if found["title"].nunique() <= _FEW:
        return [
            f"{title}: {'; '.join(_predicts(row) for row in rows.itertuples())}."
            for title, rows in found.groupby("title", sort=False)
        ]
    sentences = []
    for kind, rows in found.groupby("kind", sort=True):
        late = rows.dropna(subset="step")
        sentence = f"The early {kind} predicts final scores in {len(late)} of {len(rows)} settings"
        if len(late):
            steps = (f"{row.title} (from step {row.step:.0f} on)" for row in late.itertuples())
            sentence += f": {_listed(steps)}"
        sentences.append(f"{sentence}.")
    return sentences


def what_choices_gain(gains: pd.DataFrame) -> list[str]:
    """The gains in words: a sentence for each of few settings, or a paragraph for all."""
    titled = gains.assign(title=setting_titles(gains))
    if titled["title"].nunique() <= _FEW:
        return [_choice(title, rows) for title, rows in titled.groupby("title", sort=False)]
    sentences = []
    for rule, what in _CHOICES.items():
        rows = titled[titled["rule"] == rule]
        if rule == "random":
            rows = rows[rows["over"] != "pool"]  # where its gain is 0 by definition
        if len(rows):
            above, below = rows["low"] > 0, rows["high"] < 0
            sentences.append(
                f"{what} gains {rows['gain'].min():+.4f} to {rows['gain'].max():+.4f}; the interval is above "
                f"zero in {above.sum()} of {len(rows)} settings, and below it in {below.sum()}."
            )
            if rule == "race" and rows["detectable"].notna().any():
                least, most = rows["detectable"].min(), rows["detectable"].max()
                sentences.append(f"Gains above {least:.4f} to {most:.4f} would have been seen.")
    return [" ".join(sentences)]


def _variance(row) -> str:
    verdict = "masks differ" if row.low > 0 else "no difference between masks is seen"
    return (
        f"{row.title}: {verdict} beyond data order ({row.design}). Masks explain "
        f"{_percent(max(row.share, 0))} of the variance of final scores, 95 % interval "
        f"{_percent(row.low)} to {_percent(row.high)}."
    )


def _predicts(row) -> str:
    if row.step == row.step:
        return f"the early {row.kind} predicts final scores from step {row.step:.0f} on"
    seen = f"the early {row.kind} is not seen to predict final scores by step {row.longest:.0f}"
    if pd.isna(row.rho):
        return f"{seen} (pools of fewer than three masks)"
    return f"{seen} (rank correlation {row.rho:.2f}, {row.low:.2f} to {row.high:.2f})"


def _choice(title: str, rows: pd.DataFrame) -> str:
    texts = {row.rule: f"{row.gain:+.4f}{_interval(row)}" for row in rows.itertuples()}
    known = ", ".join(f"{what[0].lower()}{what[1:]} {texts[r]}" for r, what in _CHOICES.items() if r in texts)
    seen = rows.loc[rows["rule"] == "race", "detectable"].iloc[0]
    resolution = "" if pd.isna(seen) else f" A gain of the race above {seen:.4f} would have been seen."
    return f"{title}: gains over {over_what(rows)}: {known}.{resolution}"


def _listed(names: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(names))


def pool_table(pools: Sequence[MatchedPool]) -> pd.DataFrame:
    """A row for each setting: how many masks, orders and seeds, and the control's."""
    rows = []
    for pool, title in zip(pools, _titles(pools), strict=True):
        engine, control = pool.runs[0].spec.engine, pool.control
        copies = f"{len(control)} x {control[0].spec.engine.pool_size}" if control else "none"
        orders = f"{engine.full_orders}{', shared' if engine.shared_order else ''}"
        rows.append(
            (
                title,
                f"{100 * pool.distance:.1f} %",
                len(pool.runs),
                engine.pool_size,
                orders,
                len(_levels(pool)),
                copies,
            )
        )
    columns = ["setting", "outside the magnitude mask", "seeds", "masks", "data orders", "levels"]
    return pd.DataFrame(rows, columns=[*columns, "control (seeds x copies)"])


def share_text(shares: pd.DataFrame) -> pd.DataFrame:
    """`share_table` of one task and model as text."""
    return pd.DataFrame(
        {
            "setting": setting_titles(shares),
            "design": shares["design"].to_list(),
            "seeds": shares["seeds"].to_list(),
            "share": [f"{max(share, 0):.2f}" for share in shares["share"]],
            "95 % interval": list(map(_two_digits, shares["low"], shares["high"])),
            "a mask is worth (std)": [f"{value:.4f}" for value in shares["deviation"]],
            "degrees of freedom": [
                f"{m}, {o}" for m, o in zip(shares["masks"], shares["orders"], strict=True)
            ],
        }
    )


def prediction_text(found: pd.DataFrame) -> pd.DataFrame:
    """`predicts_from` of one task and model as text, a row for each setting."""
    rows: dict[str, dict[str, str]] = {}
    for title, row in zip(setting_titles(found), found.itertuples(), strict=True):
        cells = rows.setdefault(title, {"setting": title, "longest early length": f"{row.longest:.0f}"})
        cells[f"{row.kind} predicts from step"] = "never" if pd.isna(row.step) else f"{row.step:.0f}"
        ends = _two_digits(row.low, row.high)
        cells[f"{row.kind}, correlation at the longest"] = (
            "none" if pd.isna(row.rho) else f"{row.rho:.2f} ({ends})"
        )
    return pd.DataFrame(rows.values())


def gain_text(gains: pd.DataFrame) -> pd.DataFrame:
    """`gain_table` of one task and model as text, a row for each setting."""
    rows: dict[str, dict[str, str]] = {}
    for title, row in zip(setting_titles(gains), gains.itertuples(), strict=True):
        cells = rows.setdefault(title, {"setting": title, "over": row.over, "pools": str(row.pools)})
        interval = "" if pd.isna(row.low) else f" ({blocks.interval(row.low, row.high, '+.4f')})"
        cells[row.rule] = f"{row.gain:+.4f}{interval}"
        if row.rule == "race":
            cells["race would detect"] = "none" if pd.isna(row.detectable) else f"{row.detectable:.4f}"
    table = pd.DataFrame(rows.values()).fillna("")
    return table.drop(columns=[] if table["over"].nunique() > 1 else "over")


def _titles(pools: Sequence[MatchedPool]) -> list[str]:
    return setting_titles(pd.DataFrame([pool.place for pool in pools], columns=PLACE))


def _levels(pool: MatchedPool) -> list[dict]:
    return pool.runs[0].results["levels"]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _two_digits(low: float, high: float) -> str:
    return blocks.interval(low, high, ".2f")


def _interval(row) -> str:
    return "" if pd.isna(row.low) else f" ({row.low:+.4f} to {row.high:+.4f})"
