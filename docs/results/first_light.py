"""The tables of first-light.md, from the run folders made by first-light.sh.

Usage: .venv/bin/python docs/results/first_light.py [STORE]
"""

import sys

import pandas as pd

from workbench import Run, runs_in


def variant(run: Run) -> str:
    """The name of a run in the tables."""
    engine = run.spec.engine
    if getattr(engine, "sampler", "") == "magnitude":
        return "control: copies of the magnitude mask"
    return "imp, rewinding" if getattr(engine, "rewind", "none") == "encoder" else engine.id


def belongs(run: Run) -> bool:
    """Whether a run is one of the thirty runs."""
    engine = run.spec.engine
    return run.done and engine.sparsity == 0.95 and (engine.lr, engine.batch_size) == (3e-4, 32)


def scores(runs: list[Run]) -> pd.DataFrame:
    """One row per run: task, variant, seed, steps, primary metric on dev and validation, dense dev."""
    rows = []
    for run in runs:
        results = run.results
        metric = results["metrics"][0]
        rows.append(
            {
                "task": f"{results['task']} ({metric})",
                "variant": variant(run),
                "seed": results["seed"],
                "steps": results["cost"]["total"]["optimizer_steps"],
                "dev": results["dev"]["validation"][metric],
                "validation": results["validation"][metric],
                "dense": results["dense"]["dev"]["validation"][metric],
                "hours": results["cost"]["total"]["seconds"] / 3600,
            }
        )
    return pd.DataFrame(rows)


def by_seed(table: pd.DataFrame, value: str) -> pd.DataFrame:
    """One row per variant and one column per seed, followed by mean, lowest and highest."""
    wide = table.pivot(index="variant", columns="seed", values=value)
    wide.columns = [f"seed {seed}" for seed in wide.columns]
    return wide.assign(mean=wide.mean(axis=1), low=wide.min(axis=1), high=wide.max(axis=1)).round(3)


def minus_control(table: pd.DataFrame) -> pd.DataFrame:
    """`randomized` minus each other variant, per seed."""
    wide = table.pivot(index="seed", columns="variant", values="dev")
    others = wide.drop(columns="randomized")
    differences = -others.sub(wide["randomized"], axis=0).T.round(3)
    return (differences + 0.0).add_prefix("seed ")  # adding zero turns -0.0 into 0.0


def early_spread(runs: list[Run]) -> pd.DataFrame:
    """The spread of early scores in a pool: sampled masks compared to copies of one mask."""
    rows = []
    for run in runs:
        for level in range(1, len(run.results["levels"]) + 1):
            if pool := run.candidates(level):
                early = pd.Series([candidate.score for candidate in pool])
                rows.append(
                    {
                        "task": run.results["task"],
                        "pool": variant(run),
                        "level": level,
                        "spread": early.max() - early.min(),
                        "distance": pd.Series([candidate.from_magnitude for candidate in pool]).mean(),
                    }
                )
    return pd.DataFrame(rows).groupby(["task", "level", "pool"]).mean().round(4).reset_index()


def show(frame: pd.DataFrame) -> None:
    """Prints a table as a Markdown code block."""
    print(f"```text\n{frame.to_string()}\n```\n")


thirty = [run for run in runs_in(sys.argv[1] if len(sys.argv) > 1 else "runs") if belongs(run)]
table = scores(thirty)
for task, part in table.groupby("task"):
    dense = part.groupby("seed")["dense"].first()
    print(f"\n### {task}, {part['steps'].iloc[0]} optimizer steps\n")
    assert part["steps"].nunique() == 1, "steps differ"
    print(f"Dense, by seed: {', '.join(f'{value:.3f}' for value in dense)}.\n")
    show(by_seed(part, "dev"))
    print("`randomized` minus:\n")
    show(minus_control(part))
print("### Early scores\n")
show(early_spread(thirty).set_index("task"))
print(f"{len(table)} runs, {table['hours'].sum():.1f} hours in all.")
