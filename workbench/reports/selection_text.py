"""Whether selecting masks pays, as sentences and as tables of text."""

from collections.abc import Sequence

import pandas as pd

from workbench.analysis import matched_pools
from workbench.analysis.matched_pools import PLACE, MatchedPool
from workbench.figures.selection import setting_titles
from workbench.reports import blocks

_NOISE = "oracle of the control"


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
            "Some pools include the magnitude mask. It counts in correlations and gains, but not as a "
            "sampled mask in the variance."
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
    """The variance in words, a sentence for each setting."""
    sentences = []
    for title, row in zip(setting_titles(shares), shares.itertuples(), strict=True):
        if row.missing:
            sentences.append(f"{title}: no answer, because {row.missing.rstrip('.')}.")
            continue
        verdict = "masks differ" if row.low > 0 else "no difference between masks is seen"
        sentences.append(
            f"{title}: {verdict} beyond data order ({row.design}). Masks explain {max(row.share, 0):.0%} of "
            f"the variance of final scores, 95 % interval {row.low:.0%} to {row.high:.0%}."
        )
    return sentences


def when_scores_predict(correlations: pd.DataFrame) -> list[str]:
    """The prediction in words, a sentence for each setting."""
    sentences = []
    found = matched_pools.predicts_from(correlations)
    for _, rows in found.groupby(PLACE, sort=False, dropna=False):
        parts = [
            f"the early {row.kind} predicts final scores from step {row.step:.0f} on"
            if row.step == row.step
            else f"the early {row.kind} is not seen to predict final scores by step {row.longest:.0f} "
            f"({_correlation(row)})"
            for row in rows.itertuples()
        ]
        sentences.append(f"{setting_titles(rows[:1])[0]}: {'; '.join(parts)}.")
    return sentences


def what_choices_gain(gains: pd.DataFrame) -> list[str]:
    """The gains in words, a sentence for each setting."""
    sentences = []
    for _, rows in gains.groupby(PLACE, sort=False, dropna=False):
        by_rule = {row.rule: row for row in rows.itertuples()}
        texts = {rule: f"{row.gain:+.4f}{_interval(row)}" for rule, row in by_rule.items()}
        noise = f", of which copies of one mask give {texts[_NOISE]}" if _NOISE in texts else ""
        over = "the control's mean" if rows["over_control"].iloc[0] else "the pool's own mean"
        sentences.append(
            f"{setting_titles(rows[:1])[0]}: over {over}, the race gains {texts['race']}, a random mask "
            f"{texts['random']}, and the oracle {texts['oracle']}{noise}."
        )
    return sentences


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
                f"{pool.distance:.1%}",
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
    """`predicts_from` of one task and model as text."""
    return pd.DataFrame(
        {
            "setting": setting_titles(found),
            "early": found["kind"].to_list(),
            "predicts from step": ["never" if pd.isna(s) else f"{s:.0f}" for s in found["step"]],
            "longest": found["longest"].to_list(),
            "rank correlation there": [f"{value:.2f}" for value in found["rho"]],
            "95 % interval": list(map(_two_digits, found["low"], found["high"])),
        }
    )


def gain_text(gains: pd.DataFrame) -> pd.DataFrame:
    """`gain_table` of one task and model as text."""
    return pd.DataFrame(
        {
            "setting": setting_titles(gains),
            "rule": gains["rule"].to_list(),
            "gain": [f"{value:+.4f}" for value in gains["gain"]],
            "95 % interval": [blocks.interval(*ends, "+.4f") for ends in gains[["low", "high"]].to_numpy()],
            "pools": gains["pools"].to_list(),
        }
    )


def _titles(pools: Sequence[MatchedPool]) -> list[str]:
    return setting_titles(pd.DataFrame([pool.place for pool in pools], columns=PLACE))


def _levels(pool: MatchedPool) -> list[dict]:
    return pool.runs[0].results["levels"]


def _two_digits(low: float, high: float) -> str:
    return blocks.interval(low, high, ".2f")


def _correlation(row) -> str:
    if pd.isna(row.rho):
        return "pools of fewer than three masks"
    return f"rank correlation {row.rho:.2f}, {row.low:.2f} to {row.high:.2f}"


def _interval(row) -> str:
    return "" if pd.isna(row.low) else f" ({row.low:+.4f} to {row.high:+.4f})"
