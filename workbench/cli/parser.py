"""The commands and their options. Values are checked where they are used."""

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from workbench.cli import commands
from workbench.cli.cluster_options import CLUSTER_OPTIONS, WORKER_OPTIONS
from workbench.cli.spec_options import SPEC_OPTIONS
from workbench.cli.task_options import TASK_OPTIONS
from workbench.errors import BadInput

# What --yes accepts in a run.
_POOR = "a classifier no better than a constant answer, or more than a tenth of dev in train"


class _Parser(argparse.ArgumentParser):
    def __init__(self, **settings: Any):
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}. `{self.prog} --help` shows the options.")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(prog="workbench", description="Pruning research on transformer encoders.")
    sub = top.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)

    def command(function: Callable, help: str) -> argparse.ArgumentParser:
        added = sub.add_parser(function.__name__, help=help, description=help)
        added.set_defaults(function=function, command=added)
        return added

    _prune(command(commands.prune, "execute a run, or resume it; prints its folder last"))
    _grid(command(commands.grid, "execute all runs of a grid file, or resume them"))
    _report(command(commands.report, "render a run or a comparison as one HTML file that works offline"))
    added = command(commands.runs, "list the runs in a store")
    _json(added), _store(added), _plugin(added)
    added = command(commands.show, "show the spec, levels, scores and cost of a run")
    added.add_argument("run", metavar="RUN", help="run folder or name")
    _json(added), _store(added), _plugin(added)
    _export(command(commands.export, "export the model or the mask of a run in a format for other programs"))
    _speed(command(commands.speed, "time forward passes of a run's model, compared to other software"))
    _track(command(commands.track, "send the events of a run, or of all runs in a store, to a tracker"))
    _doctor(command(commands.doctor, "report what works here, or describe the data of a task"))
    added = command(commands.benchmark, "time masks, training steps and forward passes beside alternatives")
    added.add_argument(
        "--scale", default="small", metavar="S", help="small (seconds, default), minilm or bert-base"
    )
    _json(added)
    command(commands.lab, "open the notebooks in JupyterLab")
    return top


def _prune(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    what = (
        "task id, such as glue/mrpc; a task file (docs/your-own.md); or a data file, with its columns below"
    )
    add("task", nargs="?", metavar="TASK", help=what)
    add("--engine", metavar="ID", help="engine id; `workbench doctor` lists them")
    add("--sparsity", metavar="S", help="share of the prunable weights to remove")
    for name, (metavar, help) in SPEC_OPTIONS.items():
        add(f"--{name}", metavar=metavar, help=help)
    given = "folder or Hub id of a fine-tuned classifier to prune, instead of fine-tuning one"
    add("--dense", metavar="FOLDER_OR_HUB_ID", help=given)
    setting = "a setting of the engine, or dense.NAME; repeatable. match_steps_of=RUN: as many steps as RUN"
    add("--set", action="append", default=[], metavar="NAME=VALUE", help=setting)
    add("--keep-weights", action="store_true", help="keep every level's weights in the run folder")
    _compute(sub)
    side = (
        "workers that train a race's candidates, or a level's particles, in parallel (default: 1; with ray "
        "as many as fit)"
    )
    add("--jobs", type=int, metavar="N", help=side)
    where = "the kind of workers: process (default), or ray for a cluster"
    add("--executor", default="process", metavar="NAME", help=where)
    add("--recipe", metavar="FILE", help="a spec to start from: a YAML file or a packaged recipe's name")
    add("--yes", action="store_true", help=f"accept {_POOR}")
    _cluster(sub, "a worker on Ray, for --executor ray (docs/scaling.md)", WORKER_OPTIONS)
    _own_data(sub), _store(sub), _plugin(sub)


def _grid(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("file", metavar="FILE", help="a YAML file of tasks, engines, sparsities and seeds (docs/grid.md)")
    kinds = "serial (default), process, ray, slurm, or a plugin's"
    add("--executor", default="serial", metavar="NAME", help=kinds)
    most = "runs at a time (default: for `process` one for each core, for `ray` as many as fit)"
    add("--jobs", type=int, metavar="N", help=most)
    _compute(sub)
    _cluster(sub, "a run on a cluster, for the executors ray and slurm (docs/scaling.md)", CLUSTER_OPTIONS)
    add("--yes", action="store_true", help=f"accept more than a thousand runs, {_POOR}")
    _store(sub), _plugin(sub)


def _cluster(sub: argparse.ArgumentParser, what: str, options: dict[str, dict[str, Any]]) -> None:
    group = sub.add_argument_group(what)
    for name, settings in options.items():
        group.add_argument(f"--{name}", **settings)


def _report(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    whose = "run folder or name, or a store; if none is named, the newest complete run or all of them"
    add("runs", nargs="*", metavar="RUN", help=whose)
    add("--out", default="reports/index.html", metavar="FILE", help="default: reports/index.html")
    add("--notebook", default="report_run", metavar="NAME", help="default: report_run")
    value = "one of its parameters; repeatable"
    add("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help=value)
    _store(sub), _plugin(sub)


def _export(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("run", metavar="RUN", help="run folder or name")
    formats = "hf (Hugging Face folder), mask, onnx, npz (CSR matrices) or sparse; docs/export.md"
    add("--format", required=True, metavar="F", help=formats)
    add("--out", required=True, metavar="DIR", help="the folder to create")
    add("--push", metavar="OWNER/NAME", help="with hf: upload it to the Hub")
    _store(sub), _plugin(sub)


def _speed(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("run", metavar="RUN", help="run folder or name")
    add("--batch", default="1,8,32", metavar="N,...", help="examples in a batch (default: 1,8,32)")
    add("--length", default="32,128", metavar="N,...", help="tokens in an example (default: 32,128)")
    _json(sub), _store(sub), _plugin(sub)


def _track(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("what", metavar="RUN|STORE", help="run folder or name, or a store for all of its runs")
    add("--to", required=True, metavar="TRACKER", help="tensorboard, trackio or wandb")
    add("--follow", action="store_true", help="continue until the runs are complete")
    _store(sub), _plugin(sub)


def _doctor(sub: argparse.ArgumentParser) -> None:
    whose = "describe the rows of this task instead; named as in `workbench prune TASK`"
    sub.add_argument("--task", metavar="TASK", help=whose)
    locks = "also test the locks in a store that several machines will share (docs/scaling.md)"
    sub.add_argument("--store", metavar="DIR", help=locks)
    _own_data(sub), _json(sub), _plugin(sub)


def _own_data(sub: argparse.ArgumentParser) -> None:
    group = sub.add_argument_group("a data file as the task (csv, tsv, jsonl or parquet)")
    for name, settings in TASK_OPTIONS.items():
        group.add_argument(f"--{name}", **settings)


def _json(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--json", action="store_true", help="print JSON")


def _compute(sub: argparse.ArgumentParser) -> None:
    how = "matrices under a fixed mask: dense, sparse (kept weights only), or auto (the faster; default)"
    sub.add_argument("--compute", default="auto", metavar="HOW", help=how)


def _store(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--store", default="runs", metavar="DIR", help="folder of run folders (default: runs)")


def _plugin(sub: argparse.ArgumentParser) -> None:
    help = "a module or Python file that adds engines, tasks and more (docs/extending.md); repeatable"
    sub.add_argument("--plugin", action="append", default=[], metavar="TARGET", help=help)
