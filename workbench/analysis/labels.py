"""What engines are called when runs are compared: by id, and by the settings that tell them apart."""

import json
from collections import defaultdict
from collections.abc import Sequence

from workbench.runs import Run
from workbench.settings import flat

# What a comparison has in columns of its own.
_COLUMNS = ("task", "model", "seed", "engine.id", "engine.sparsity")


def engine_labels(runs: Sequence[Run]) -> list[str]:
    """A name for the engine of each run: "imp", "imp, rewind=true".

    It is the engine's id with those of its settings that are not defaults and that differ between runs of
    this engine on one task and model at one sparsity. What differs between tasks only, such as the steps
    that were matched, tells nothing apart and is left out.
    """
    settings = [_settings(run) for run in runs]
    found: dict[tuple, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for run, values in zip(runs, settings, strict=True):
        for name in {name for other in settings for name in other}:
            found[_place(run)][name].add(values.get(name, ""))
    telling = defaultdict(set)
    for (engine, *_), values in found.items():
        telling[engine] |= {name for name, seen in values.items() if len(seen) > 1}
    return [
        ", ".join(
            [run.spec.engine.id, *(f"{n}={v}" for n, v in s.items() if n in telling[run.spec.engine.id])]
        )
        for run, s in zip(runs, settings, strict=True)
    ]


def _place(run: Run) -> tuple:
    spec = run.spec
    return spec.engine.id, spec.task, spec.model, spec.engine.sparsity


def _settings(run: Run) -> dict[str, str]:
    """Name to value as text, of whatever is not a default; the engine's settings by their bare names."""
    return {
        name.removeprefix("engine."): value if isinstance(value, str) else json.dumps(value)
        for name, value in flat(run.spec.changed).items()
        if name not in _COLUMNS
    }
