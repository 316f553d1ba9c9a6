"""Which runs are meant: by a name, a folder or a store."""

from collections.abc import Sequence
from pathlib import Path

from workbench.errors import BadInput, WorkbenchError, unknown
from workbench.runs.layout import RunFolder, Store
from workbench.runs.run import Run

COMPLETE, INCOMPLETE = "complete", "incomplete"
EXPORTED = "export.json"  # the file that tells the folder of an exported model
_USUAL = ("runs", "../runs")


def runs_in(store: str | Path) -> list[Run]:
    """The runs of a store, by name; empty for a store that does not exist yet."""
    return [Run(folder) for folder in Store(store).runs()]


def default_store() -> Path:
    """A notebook's store: `runs` in its folder or in the one above; preferably one that has runs."""
    stores = [path for path in map(Path, _USUAL) if path.is_dir()]
    return next(
        (path for path in stores if not Store(path).is_empty()), stores[0] if stores else Path(_USUAL[0])
    )


def status(run: Run) -> str:
    """Whether a run can be read: "complete", "incomplete", or "unreadable: " and the reason."""
    try:
        _ = run.spec
        if not run.done:
            return INCOMPLETE
        _ = run.dev_score, run.optimizer_steps
    # A damaged file may lack any key or hold any type.
    except (WorkbenchError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return f"unreadable: {' '.join(str(error).split())}"
    return COMPLETE


def find_run(name: str | Path, store: str | Path) -> Run:
    """A run by its folder or by its name in a store.

    Raises:
        BadInput: no such run; the message has the nearest names.
    """
    for folder in (RunFolder(name), Store(store).run(str(name))):
        if is_run(folder.root):
            return Run(folder.root)
    if Path(name).is_dir():
        what = "an exported model" if (Path(name) / EXPORTED).is_file() else "neither a run nor a store"
        raise BadInput(
            f"{name} is {what}, and the store {store} has no run of that name. Name a run's folder."
        )
    raise unknown(f"run in {store}", name, [run.name for run in runs_in(store)])


def named_runs(names: Sequence[str | Path], store: str | Path) -> tuple[list[Run], Path]:
    """The runs that the arguments of a command stand for, and the store that is meant where they name none.

    Args:
        names: of runs, or folders of runs. One folder of runs alone takes the place of `store`; beside other
            names it stands for all of its complete runs.
        store: where names of runs are looked up.

    Raises:
        BadInput: no such run.
    """
    if len(names) == 1 and is_store(names[0]):
        return [], Path(names[0])
    runs = []
    for name in names:
        runs += complete_runs(name) if is_store(name) else [find_run(name, store)]
    return runs, Path(store)


def is_store(path: str | Path) -> bool:
    """Whether a folder holds runs and is not itself one."""
    return not is_run(path) and not Store(path).is_empty()


def is_run(path: str | Path) -> bool:
    """Whether a folder is a run's; that of an exported model has its spec as well."""
    return RunFolder(path).spec.is_file() and not (Path(path) / EXPORTED).is_file()


def complete_runs(store: str | Path) -> list[Run]:
    """The complete runs of a store, those that cannot be read included."""
    return [Run(folder) for folder in Store(store).complete_runs()]


def newest_complete(store: str | Path) -> Run | None:
    """The run of a store that was completed last, or None."""
    runs = complete_runs(store)
    return max(runs, key=lambda run: run.folder.results.stat().st_mtime_ns, default=None)
