"""How fast a run's model answers, in words, a figure and a table."""

import shlex

from workbench import analysis, figures
from workbench.figures import show
from workbench.reports import blocks
from workbench.runs import Run
from workbench.tasks import modality


def show_speed(run: Run) -> None:
    """Shows what `workbench speed` measured last; where it has not, how to do so."""
    result = run.speed
    if modality(run.spec.task) != "text":
        blocks.say("How fast a model answers with layers that skip its zeros is measured for texts only.")
        return
    if result is None:
        blocks.say(
            "How fast the model answers with layers that skip its zeros, beside other software, has not been "
            "measured for this run. The following command does so, and the next report shows the result."
        )
        blocks.command(shlex.join(["workbench", "speed", run.name]))
        return
    blocks.say(*speed_note(result))
    rows = analysis.speed.speed_rows(result)
    show(figures.speed.speed_by_shape(rows), "speed")
    table = analysis.speed.speed_table(result)
    megabytes = table.pop("bytes") / 1e6
    table.insert(1, "weights (MB)", megabytes)
    names = {shape: f"{shape} (ms)" for shape in rows["shape"].unique()}
    blocks.table(table.rename(columns=names | {"largest_difference": "largest difference of a logit"}))


def speed_note(result: dict) -> list[str]:
    """On which machine, with what and how `Run.speed` was measured."""
    machine = result["machine"]
    versions, threads = machine["versions"], machine["threads"]
    return [
        f"Measured with {'1 thread' if threads == 1 else f'{threads} threads'} on this machine: "
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; torch "
        f"{versions['torch']}, numba {versions['numba']}. Other machines give other ratios.",
        "Medians of forward passes in turns in one process, on random tokens without padding. The bars show "
        "speed relative to float32 in torch. The rows named workbench are workbench.sparse_model, whose "
        "layers hold the kept weights alone where that is quicker; all others but CSR multiply zeros like "
        "other numbers. Quantised weights (int8) change the outputs, as the last column shows; the others "
        "differ by rounding.",
    ]
