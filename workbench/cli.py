"""The shell: one function a command, each a thin layer over the package."""

import argparse
import json
import re
import signal
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml

from workbench.errors import BadInput, WorkbenchError, unknown


class _Parser(argparse.ArgumentParser):
    def __init__(self, **settings: Any):
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}. `{self.prog} --help` shows what there is.")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(prog="workbench", description="Pruning research on transformer encoders.")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)

    def command(function, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(function.__name__, help=help, description=help)
        sub.set_defaults(function=function, command=sub)
        return sub

    _prune_options(command(prune, "carry out a run, or what is left of it; prints its folder last"))
    _grid_options(command(grid, "carry out every run of a grid file, or what is left of them"))
    _report_options(command(report, "render a run, or a comparison, as one HTML file that needs no network"))
    sub = command(runs, "a table of the runs in a store")
    _json_and_store(sub)
    sub = command(show, "a run's spec, levels, scores and cost")
    sub.add_argument("run", metavar="RUN", help="run folder or name")
    _json_and_store(sub)
    sub = command(doctor, "which models, tasks, accelerators and engines are usable here, and why not")
    sub.add_argument("--json", action="store_true", help="machine-readable")
    sub = command(benchmark, "what the masks' functions cost, beside what people use for the same")
    sub.add_argument("--scale", default="small", metavar="S", help="small (seconds, default) or bert-base")
    sub.add_argument("--json", action="store_true", help="machine-readable")
    command(lab, "open JupyterLab on the notebooks")
    return top


def _prune_options(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("task", nargs="?", metavar="TASK", help="task id, such as glue/mrpc or synth/sst2")
    add("--engine", metavar="ID", help="engine id; `workbench doctor` lists them")
    add("--model", metavar="ID", help="Hub id or folder of the pretrained encoder or ResNet")
    add("--sparsity", type=float, metavar="S", help="share of the prunable weights to remove")
    add("--seed", type=int, metavar="N", help="root of all randomness")
    add("--scale", type=float, metavar="F", help="multiplies every training length of the engine")
    add("--examples", type=int, metavar="N", help="train on so many examples, drawn by the seed")
    add("--selection", metavar="SPLIT", help="validation (carved from train) or dev")
    add("--precision", metavar="P", help="auto, fp32 or bf16")
    setting = "a setting of the engine, or dense.NAME; repeatable. match_steps_of=RUN equals that run's steps"
    add("--set", action="append", default=[], metavar="NAME=VALUE", help=setting)
    add("--keep-weights", action="store_true", help="leave every level's weights in the run folder")
    add("--recipe", metavar="FILE", help="a spec to start from: a YAML file or a packaged recipe's name")
    _store(sub)


def _grid_options(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("file", metavar="FILE", help="a YAML file of tasks, engines, sparsities and seeds (docs/grid.md)")
    add("--executor", choices=("serial", "process"), default="serial", help="default: serial")
    add("--jobs", type=int, metavar="N", help="runs at a time, for `process` (default: one for each core)")
    add("--yes", action="store_true", help="also where there are more than a thousand runs")
    _store(sub)


def _report_options(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add(
        "runs",
        nargs="*",
        metavar="RUN",
        help="run folder or name, or a store; the newest complete run, or all of them, if none is named",
    )
    add("--out", default="reports/index.html", metavar="FILE", help="default: reports/index.html")
    add("--notebook", default="report_run", metavar="NAME", help="default: report_run")
    add("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter of it")
    _store(sub)


def _json_and_store(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="machine-readable")
    _store(sub)


def _store(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--store", default="runs", help="folder of run folders (default: runs)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the return value is the exit code (0 done, 2 bad input, 3 resumable, 1 defect)."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        options, strange = parser().parse_known_args(arguments)
        if strange:
            if not strange[0].startswith("-"):
                options.command.error(f"{strange[0]!r} is one argument too many")
            known = set(re.findall(r"--?[a-z][a-z-]*", options.command.format_usage()))
            raise unknown("option", strange[0], known)
        options.function(options)
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("workbench: interrupted; nothing was left half-written.", file=sys.stderr)
        return 3
    return 0


def prune(options: argparse.Namespace) -> None:
    """Carries out a run."""
    from workbench import runs

    run = runs.prune(_spec(options), store=options.store, keep_weights=options.keep_weights)
    _print_table(run.table())
    print(run.path)


def grid(options: argparse.Namespace) -> None:
    """Carries out the runs of a grid."""
    from workbench.analysis import store_table
    from workbench.runs import Sweep, executor, read_grid

    cells = read_grid(options.file, at_most=None if options.yes else 1000)
    sweep = Sweep(cells, options.store, executor(options.executor, options.jobs))
    try:
        sweep.run()
    finally:
        if sweep.done:
            table = store_table(options.store)
            _print_table(table[table["name"].isin([run.name for run in sweep.done])])
    print(options.store)


def report(options: argparse.Namespace) -> None:
    """Renders a report."""
    from workbench import reports
    from workbench.runs import find_runs, runs_in

    parameters = {name: _value(name, value) for name, value in options.p}
    names, store = options.runs, options.store
    if len(names) == 1 and not (Path(names[0]) / "spec.yaml").is_file() and runs_in(names[0]):
        names, store = [], names[0]
    chosen = [run for name in names for run in find_runs(name, store)]
    page = reports.render(chosen, options.out, store=store, notebook=options.notebook, parameters=parameters)
    print(page)


def runs(options: argparse.Namespace) -> None:
    """Lists a store."""
    from workbench.analysis import store_table

    table = store_table(options.store)
    if options.json:
        print(table.to_json(orient="records", indent=2))
    elif table.empty:
        print(f"no runs in {options.store}. `workbench prune --help` says how to make one.", file=sys.stderr)
    else:
        _print_table(table)


def show(options: argparse.Namespace) -> None:
    """Shows one run."""
    run = _find(options.run, options.store)
    if options.json:
        spec = yaml.safe_load(run.spec.to_yaml())
        print(
            json.dumps(
                {"path": str(run.path), "spec": spec, "results": run.results if run.done else None}, indent=2
            )
        )
        return
    print(run.spec.to_yaml())
    if not run.done:
        events = run.events()
        last = f"{events[-1]['stage']}, step {events[-1].get('step', 0)}" if events else "nothing yet"
        print(f"not complete; the last event: {last}. `workbench prune` with the same options goes on.")
        return
    import pandas as pd

    _print_table(run.table())
    print()
    _print_table(pd.DataFrame(run.results["cost"]).T.rename_axis("cost").reset_index())


def doctor(options: argparse.Namespace) -> None:
    """Says what is usable."""
    from workbench.doctor import examine

    table = examine()
    if options.json:
        print(table.to_json(orient="records", indent=2))
        return
    for kind, name, usable, detail in table.itertuples(index=False):
        print(f"{'yes' if usable else 'no':4}{kind:13}{name}")
        print(textwrap.fill(detail, 100, initial_indent=" " * 17, subsequent_indent=" " * 17))


def benchmark(options: argparse.Namespace) -> None:
    """Measures."""
    from workbench.benchmark import as_text, run

    result = run(options.scale)
    print(json.dumps(result, indent=2) if options.json else as_text(result))


def lab(options: argparse.Namespace) -> None:
    """Opens JupyterLab."""
    from jupyterlab.labapp import main as open_lab

    from workbench.resources import notebook_path

    open_lab([f"--ServerApp.root_dir={notebook_path('report_run').parent}"])


def _spec(options: argparse.Namespace):
    from workbench.resources import recipe_path
    from workbench.runs import RunSpec

    plain: dict[str, Any] = {}
    if options.recipe:
        path = Path(options.recipe) if Path(options.recipe).is_file() else recipe_path(options.recipe)
        plain = RunSpec.read_plain(path)
    engine = plain.setdefault("engine", {})
    if not isinstance(engine, dict):
        raise BadInput(f"recipe {options.recipe}: engine is {engine!r}; write `engine: {{id: {engine}}}`.")
    if options.engine and options.engine != engine.get("id"):
        plain["engine"] = engine = {"id": options.engine}
    for name in ("task", "model", "seed", "scale", "examples", "selection", "precision"):
        if getattr(options, name) is not None:
            plain[name] = getattr(options, name)
    if options.sparsity is not None:
        engine["sparsity"] = options.sparsity
    if "task" not in plain or "id" not in engine:
        raise BadInput(
            "prune needs a TASK and --engine ID, or --recipe FILE. `workbench doctor` lists what there is."
        )
    given = {assignment.partition("=")[0] for assignment in options.set}
    if {"match_steps_of", "total_steps"} <= given:
        raise BadInput("match_steps_of and total_steps both say how long the run trains; leave one out.")
    for assignment in options.set:
        _assign(plain, assignment, options.store)
    return RunSpec.from_plain(plain)


def _assign(plain: dict[str, Any], assignment: str, store: str) -> None:
    name, equals, value = assignment.partition("=")
    if not equals:
        raise BadInput(f"--set {assignment} has no value; write --set NAME=VALUE.")
    if name == "match_steps_of":
        name, value = "total_steps", str(_find(value, store).optimizer_steps)
    *path, last = name.split(".")
    target = plain if path[:1] == ["dense"] else plain["engine"]
    for part in path:
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise BadInput(f"--set {assignment}: {part} is {target!r}, which has no settings of its own.")
    target[last] = _value(name, value)


def _value(name: str, text: str) -> Any:
    """A value as YAML reads it: 3 is a number, [0.5, 0.9] a list, true a truth value."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise BadInput(
            f"{name}={text} is no YAML value: {reason}. Write numbers, words or [lists]."
        ) from error


def _find(name: str, store: str):
    from workbench.runs import find_run

    return find_run(name, store)


def _print_table(table) -> None:
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
