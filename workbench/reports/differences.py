"""Differences from a baseline, in words and tables."""

from collections.abc import Sequence

import pandas as pd

from workbench import figures
from workbench.analysis.differences import EQUAL_STEPS, RESAMPLES, paired_differences
from workbench.figures import show
from workbench.reports import blocks
from workbench.runs import Run


def show_pairs(runs: Sequence[Run], rows: pd.DataFrame, baseline: str, key: str) -> None:
    """Shows what is compared with a baseline, then the differences, if there are any.

    Args:
        runs: complete runs.
        rows: `analysis.comparison.comparison_table` of one task and model.
        baseline: an engine's label in it.
        key: of the figure.
    """
    pairs = paired_differences(runs, rows, baseline)
    blocks.say(*how_paired(pairs, baseline))
    if pairs["equal_steps"].any():
        show_differences(pairs[pairs["equal_steps"]], baseline, key)


def show_differences(pairs: pd.DataFrame, baseline: str, key: str) -> None:
    """Shows the differences between engines and a baseline, with intervals.

    Args:
        pairs: `analysis.differences.paired_differences` of one task and model, at equal steps.
        baseline: its label.
        key: of the figure.
    """
    show(figures.differences.difference_intervals(pairs, baseline), key)
    blocks.table(difference_table(pairs))


def difference_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs of one task and model as text, the best of each sparsity first."""
    pairs = pairs.sort_values(["sparsity", "difference"], ascending=[True, False], kind="stable")
    return pd.DataFrame(
        {
            "engine": pairs["engine"],
            "sparsity": blocks.percentages(pairs["sparsity"]),
            "seeds": pairs["seeds"],
            "difference": [f"{value:+.3f}" for value in pairs["difference"]],
            "95 % interval": list(map(blocks.interval, pairs["low"], pairs["high"])),
            "would detect": list(map(blocks.detectable, pairs["detectable"])),
            "resampled": pairs["resampled"],
            "steps in all": pairs["steps"],
        }
    )


def how_paired(pairs: pd.DataFrame, baseline: str) -> list[str]:
    """What the differences are, which ones were left out, and how many could be due to chance."""
    fair = pairs[pairs["equal_steps"]]
    if pairs.empty:
        return [f"No engine has a task, sparsity and seed in common with {baseline}: there are no pairs."]
    paragraphs = []
    if len(fair):
        count, nonzero = fair["low"].notna().sum(), ((fair["low"] > 0) | (fair["high"] < 0)).sum()
        paragraphs += [
            f"Each difference is an engine's score minus that of {baseline}, at the same task, model, "
            "sparsity, seeds and dev examples, and with optimizer steps from the pretrained encoder that "
            f"agree within {100 * EQUAL_STEPS:g} %.",
            f'An interval is the middle 95 % of {RESAMPLES:,} bootstrap resamples; the column "resampled" '
            "says what was resampled. With only two or three seeds it is too narrow.",
            # Over so few seeds, a bootstrap reaches from the smallest difference to the largest.
            f"{nonzero} of {count} intervals exclude zero. By chance alone about 5 % of those would that "
            'resample the examples of one seed, and more of those over few seeds: where only "seeds" were '
            "resampled, half of those of two seeds and a quarter of those of three.",
            'The column "would detect" is the smallest true difference that such a comparison detects in '
            "four of five cases (80 % power at the 5 % level, two-sided): where an interval includes zero, a "
            "smaller difference may have been missed. It has no value where nothing varied.",
        ]
    if len(fair) < len(pairs):
        unfair = pairs[~pairs["equal_steps"]]
        left_out = "; ".join(
            f"{engine} ({_steps(rows['steps'])} steps)"
            for engine, rows in unfair.groupby("engine", sort=False)
        )
        paragraphs.append(
            f"Left out, because {baseline} took a different number of optimizer steps from the pretrained "
            f"encoder ({_steps(unfair['baseline_steps'])}): {left_out}. In a grid, match_steps_of makes the "
            "steps after the dense model equal; an engine that starts from the pretrained encoder needs the "
            "dense model's, too."
        )
    return paragraphs


def _steps(counts: pd.Series) -> str:
    return ", ".join(f"{count:,}" for count in sorted(counts.unique()))
