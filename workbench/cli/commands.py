"""The commands. Each imports what it needs when it is called, so that `workbench --help` is fast."""

import argparse
import json
import sys
import textwrap

import yaml

from workbench.cli.cluster_options import CLUSTER_OPTIONS, WORKER_OPTIONS
from workbench.cli.task_options import TASK_OPTIONS


def prune(options: argparse.Namespace) -> None:
    """Executes or resumes a run."""
    from workbench.cli.run_spec import spec_of
    from workbench.execution import prune, workers_on

    cluster = {name: getattr(options, name) for name in WORKER_OPTIONS}
    run = prune(
        spec_of(options),
        store=options.store,
        keep_weights=options.keep_weights,
        compute=options.compute,
        jobs=options.jobs,
        workers=workers_on(options.executor, **cluster),
        yes=options.yes,
    )
    _print_table(run.table())
    print(run.path)


def grid(options: argparse.Namespace) -> None:
    """Executes or resumes the runs of a grid."""
    from workbench.analysis.store import store_table
    from workbench.sweeps import Sweep, executor, read_grid

    cluster = {name: getattr(options, name) for name in CLUSTER_OPTIONS}
    # The file first: its plugins may add the executor.
    cells = read_grid(options.file, at_most=None if options.yes else 1000, accept_repeated=options.yes)
    chosen = executor(options.executor, options.jobs, options.compute, options.yes, **cluster)
    sweep = Sweep(cells, options.store, chosen)
    try:
        sweep.run()
    finally:
        if sweep.done:
            table = store_table(options.store)
            _print_table(table[table["name"].isin([run.name for run in sweep.done])])
    print(options.store)


def report(options: argparse.Namespace) -> None:
    """Renders a report."""
    from workbench.reports.kernel import started_kernel

    with started_kernel() as kernel:
        from workbench.cli.run_spec import yaml_value
        from workbench.reports import render
        from workbench.runs import named_runs

        parameters = {name: yaml_value(name, value) for name, value in options.p}
        chosen, store = named_runs(options.runs, options.store)
        asked = {"notebook": options.notebook, "parameters": parameters}
        print(render(chosen, options.out, store=store, kernel=kernel, **asked))


def runs(options: argparse.Namespace) -> None:
    """Lists a store."""
    from workbench.analysis.store import store_table

    table = store_table(options.store)
    if options.json:
        print(table.to_json(orient="records", indent=2))
    elif table.empty:
        print(f"no runs in {options.store}. `workbench prune --help` shows how to make one.", file=sys.stderr)
    else:
        _print_table(table)


def show(options: argparse.Namespace) -> None:
    """Shows one run."""
    from workbench.runs import find_run

    run = find_run(options.run, options.store)
    if options.json:
        spec = yaml.safe_load(run.spec.to_yaml())
        results = run.results if run.done else None
        print(json.dumps({"path": str(run.path), "spec": spec, "results": results}, indent=2))
        return
    print(run.spec.to_yaml())
    if not run.done:
        events = run.events()
        last = f"{events[-1]['stage']}, step {events[-1].get('step', 0)}" if events else "none"
        print(f"not complete; last event: {last}. `workbench prune` with the same options resumes it.")
        return
    import pandas as pd

    _print_table(run.table())
    print()
    _print_table(pd.DataFrame(run.results["cost"]).T.rename_axis("cost").reset_index())


def export(options: argparse.Namespace) -> None:
    """Exports a run."""
    from workbench.exports import export
    from workbench.runs import find_run

    run = find_run(options.run, options.store)
    print(export(run, options.format, options.out, push=options.push))


def speed(options: argparse.Namespace) -> None:
    """Times forward passes of a run's model."""
    from workbench.inference import measure_speed, speed_text
    from workbench.runs import find_run

    run = find_run(options.run, options.store)
    result = measure_speed(run, numbers("batch", options.batch), numbers("length", options.length))
    print(json.dumps(result, indent=2) if options.json else speed_text(result))


def track(options: argparse.Namespace) -> None:
    """Sends the events of runs to a tracker."""
    from workbench.integrations.tracking import track

    print(track(options.what, options.to, store=options.store, follow=options.follow))


def doctor(options: argparse.Namespace) -> None:
    """Reports what works here, or describes a task's data."""
    if options.task or any(getattr(options, name) for name in TASK_OPTIONS):
        _describe(options)
        return
    from workbench.doctor import examine

    table = examine(options.store)
    if options.json:
        print(table.to_json(orient="records", indent=2))
        return
    for kind, name, usable, detail in table.itertuples(index=False):
        print(f"{'yes' if usable else 'no':4}{kind:16}{name}")
        print(textwrap.fill(detail, 100, initial_indent=" " * 20, subsequent_indent=" " * 20))


def _describe(options: argparse.Namespace) -> None:
    from workbench.analysis.task_summary import describe
    from workbench.cli.task_argument import task_of
    from workbench.reports.task_summary import as_text

    summary = describe(task_of(options, accept_repeated=True))
    print(json.dumps(summary, indent=2) if options.json else as_text(summary))


def benchmark(options: argparse.Namespace) -> None:
    """Runs the benchmark."""
    from workbench.benchmark import as_text, run

    result = run(options.scale)
    print(json.dumps(result, indent=2) if options.json else as_text(result))


def lab(options: argparse.Namespace) -> None:
    """Opens JupyterLab."""
    from jupyterlab.labapp import main as open_lab

    from workbench.resources import notebook_path

    open_lab([f"--ServerApp.root_dir={notebook_path('report_run').parent}"])


def numbers(name: str, text: str) -> tuple[int, ...]:
    """The whole numbers of an option, separated by commas.

    Raises:
        BadInput: the text contains anything else.
    """
    from workbench.errors import BadInput

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise BadInput(
            f"--{name} {text} is not a list of whole numbers. Write, for example, --{name} 1,32."
        ) from None


def _print_table(table) -> None:
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
