"""The settings in a set of runs whose ability to tell masks apart was checked, and what the checks found."""

import json
from collections.abc import Sequence
from dataclasses import fields

import pandas as pd

from workbench.analysis.comparison import engine_labels
from workbench.analysis.resolution import check_table
from workbench.engines import Engine
from workbench.runs import Run
from workbench.runs.predictions import has_predictions
from workbench.settings import to_plain

_SHARED = [field.name for field in fields(Engine) if field.name != "sparsity"]


def checks_among(runs: Sequence[Run]) -> pd.DataFrame:
    """The checks of `check_table` for every setting whose runs are there.

    A setting is everything that engines have in common, except for the sparsity and the seed. If it has
    several kinds of masks, those without a pattern are used, and of random ones those with equal densities
    in all matrices, as in the magnitude mask.

    Args:
        runs: complete runs of any engines. Those that kept no predictions are left out.

    Returns:
        `check_table`, and setting: the values that distinguish it from other settings here; no rows where no
        setting was checked.
    """
    chosen = [run for run in runs if _takes_part(run)]
    found: dict[str, dict[tuple, list[tuple]]] = {}
    for run, label in zip(chosen, engine_labels(chosen), strict=True):
        engine = run.spec.engine
        places = found.setdefault(_setting(run), {})
        places.setdefault((engine.id, engine.sparsity), []).append((_preference(run), label, run))
    tables = []
    for places in found.values():
        trained_on = _best(places.get(("magnitude", 0.0), []))
        for name, sparsity in sorted(places):
            magnitude = _best(places[name, sparsity])
            random = _best(places.get(("random", sparsity), []))
            if name == "magnitude" and sparsity > 0 and _share_a_seed(trained_on, magnitude, random):
                table = check_table([run for _, run in (*trained_on, *magnitude, *random)])
                tables.append(table.assign(setting=magnitude[0][0].partition(", ")[2]))
    return pd.concat(tables, ignore_index=True) if tables else check_table([]).assign(setting="")


def _takes_part(run: Run) -> bool:
    engine = run.spec.engine
    by_magnitude = engine.id == "magnitude" and engine.criterion == "magnitude"
    return (by_magnitude or engine.id == "random") and has_predictions(run.folder)


def _setting(run: Run) -> str:
    """What two runs of one setting have in common."""
    plain = to_plain(run.spec)
    engine = plain.pop("engine")
    plain.pop("seed")
    return json.dumps([plain, [engine[name] for name in _SHARED]])


def _preference(run: Run) -> tuple:
    """The kind of a mask, smaller where it is to be preferred."""
    engine = run.spec.engine
    pattern = (engine.pattern != "unstructured", engine.pattern)
    if engine.id == "magnitude":
        return (*pattern, engine.scope != "matrix", engine.scope)
    by_density = engine.densities != "uniform" or engine.counts is not None
    return (*pattern, by_density, engine.densities, str(engine.counts))


def _best(entries: list[tuple]) -> list[tuple[str, Run]]:
    """The runs of the preferred kind, with their labels."""
    best = min((preference for preference, *_ in entries), default=None)
    return [(label, run) for preference, label, run in entries if preference == best]


def _share_a_seed(*parts: list[tuple[str, Run]]) -> bool:
    return bool(set.intersection(*({run.spec.seed for _, run in part} for part in parts)))
