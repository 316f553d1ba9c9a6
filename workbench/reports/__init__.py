"""A run becomes one HTML file that needs nothing but a browser."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import BadInput
from workbench.files import write_text
from workbench.reports.choice import chosen_run, open_run
from workbench.resources import notebook_path
from workbench.runs import Run

__all__ = ["open_run", "render"]


def render(
    runs: Sequence[Run],
    out: str | Path,
    *,
    store: str | Path,
    notebook: str = "report_run",
    parameters: Mapping[str, Any] | None = None,
) -> Path:
    """Executes a notebook on a run and writes it as one HTML file with figures, text and tables, no code.

    The page loads nothing from anywhere. Equal runs and parameters give equal bytes.

    Args:
        runs: one complete run; none means the one in `store` that was completed last.
        out: the HTML file, replaced when the page is complete and not before.
        store: folder of run folders.
        notebook: its name; it takes the run's folder as its parameter `run`.
        parameters: values for its other parameters, by name.

    Returns:
        The path of the file.

    Raises:
        BadInput: an unknown notebook or parameter, a value of the wrong type, no run or more than one, a run
            that is not complete or cannot be read, or a notebook that fails.
    """
    # They take seconds to import, and the notebook's own kernel imports this package without need of them.
    from workbench.reports.execution import checked_parameters, execute
    from workbench.reports.page import page

    out, source = Path(out), notebook_path(notebook)
    if out.is_dir():
        raise BadInput(f"{out} is a folder; give the name of an HTML file, such as {out / 'index.html'}.")
    parameters = checked_parameters(source, parameters or {}, taken={"run"})
    run = chosen_run(runs, store)
    executed = execute(source, parameters | {"run": str(run.path.resolve())})
    return write_text(out, page(executed, title=run.name))
