"""Making the HTML file of a report."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from workbench.errors import BadInput
from workbench.files import check_place, write_text
from workbench.process import without_collections, without_module
from workbench.reports.choice import chosen_run, chosen_runs, folders_of
from workbench.reports.kernel import Kernel, started_kernel
from workbench.resources import notebook_path
from workbench.runs import Run


def render(
    runs: Sequence[Run],
    out: str | Path,
    *,
    store: str | Path,
    notebook: str = "report_run",
    parameters: Mapping[str, Any] | None = None,
    kernel: Kernel | None = None,
) -> Path:
    """Executes a notebook and writes it as one HTML file with figures, text and tables, but no code.

    The page loads nothing. Equal runs and parameters give equal bytes.

    Args:
        runs: complete runs. If there are none, the run in `store` that was completed last, or, for a notebook
            about several runs, all complete ones.
        out: the HTML file, replaced only when the page is complete.
        store: folder of run folders.
        notebook: its name. Its parameter `run` is set to a run folder, or its parameter `runs` to folders,
            one on each line. A notebook with neither is about no run; if it makes runs, it has a parameter
            `store`.
        parameters: values for its other parameters, by name.
        kernel: executes it and ends; None to start one.

    Returns:
        The path of the file.

    Raises:
        BadInput: an unknown notebook or parameter, a value of the wrong type, no run, several for a notebook
            about one, any for a notebook about none, a run that is not complete or cannot be read, or a
            notebook that fails.
    """
    # They take seconds to import, and the notebook's kernel imports this package without needing them.
    # The module checks addresses of a kind that notebooks do not have, and compiles grammars for it.
    with without_collections(), without_module("rfc3987_syntax"):
        from workbench.reports.execution import checked_parameters, execute, subject_of, takes_store
        from workbench.reports.page import page

    out, source = Path(out), notebook_path(notebook)
    check_place(out)
    parameters = checked_parameters(source, parameters or {}, taken={"run", "runs"})
    match subject_of(source):
        case "runs":
            folders = chosen_runs(runs, store)
            parameters["runs"] = folders_of(folders, store)
            title = folders[0].name if len(folders) == 1 else f"{len(folders)} runs"
        case "run":
            run = chosen_run(runs, store)
            parameters["run"], title = str(run.path.resolve()), run.name
        case _:
            title = source.stem
            if runs:
                raise BadInput(f"{title} is about no run. Leave out {runs[0].name}.")
            if takes_store(source):
                parameters.setdefault("store", str(Path(store).resolve()))
    with nullcontext(kernel) if kernel else started_kernel() as kernel:
        executed = execute(source, parameters, kernel)
    return write_text(out, page(executed, title=title))
