"""Reports what works on this computer, and why the rest does not."""

import os
from pathlib import Path

import pandas as pd
import psutil
import torch

from workbench import plugins
from workbench.engines import engine_class, engine_ids
from workbench.errors import BadInput
from workbench.hub import hub_unreachable
from workbench.locks import excludes
from workbench.models import MINILM, UNTRAINED, locate
from workbench.runs.layout import Store
from workbench.settings import names
from workbench.tasks import folder_variable, load_task, task_ids
from workbench.training import detect_precision, device_name

# Mount options with which a network file system has locks that other machines do not see.
_LOCAL_LOCKS = {"nolock", "localflock", "local_lock=all", "local_lock=flock"}
# File systems of one machine; on any other, two machines have to be tried.
_OF_ONE_MACHINE = {"ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs"}


def examine(store: str | Path | None = None) -> pd.DataFrame:
    """One row per item: kind, name, usable, and `detail`, which says how it is used or why it cannot be.

    Nothing is downloaded: if the Hub can be reached, its tasks count as usable without being loaded.

    Args:
        store: a store whose locks are tried, by two processes with one file; None for none.
    """
    models = map(_model, (MINILM, *UNTRAINED))
    rows = [
        *([_store(Path(store))] if store is not None else []),
        _accelerator(),
        *models,
        *map(_task, task_ids()),
        *map(_engine, engine_ids()),
        *map(_plugin, plugins.configured()),
    ]
    return pd.DataFrame(rows, columns=["kind", "name", "usable", "detail"])


def _accelerator() -> tuple[str, str, bool, str]:
    precision, threads = detect_precision(), torch.get_num_threads()
    return "accelerator", device_name(), True, f"trains in {precision}, {threads} torch threads"


def _store(folder: Path) -> tuple[str, str, bool, str]:
    return "store", str(folder), *_locks(folder)


def _locks(folder: Path) -> tuple[bool, str]:
    """Whether locks in a folder exclude, and how that is known."""
    if not folder.is_dir():
        return False, "there is no such folder; make it first"
    mounts = [m for m in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(m.mountpoint)]
    mount = max(mounts, key=lambda mount: len(mount.mountpoint), default=None)
    where = f"on {mount.fstype}, " if mount else ""
    if local := _LOCAL_LOCKS & set(mount.opts.split(",") if mount else ()):
        return False, f"{where}mounted with {min(local)}, locks keep no other machine out"
    probe = Store(folder).probe
    try:
        exclusive = excludes(probe)
    except (BadInput, OSError) as error:
        return False, str(error)
    if exclusive is None:
        return True, f"{where}another process holds {probe}, and locks keep this one out"
    if not exclusive:
        return False, f"{where}two processes held {probe} at once, so two could work on one run"
    if mount and mount.fstype in _OF_ONE_MACHINE:
        return True, f"{where}locks exclude"
    return True, (
        f"{where}locks exclude on this machine. For two, run `flock {probe} sleep 60` on another machine and "
        "meanwhile this command here, which should say that another process holds it"
    )


def _model(model_id: str) -> tuple[str, str, bool, str]:
    if model_id in UNTRAINED:
        return "model", model_id, True, "for images; untrained, with initial weights from the seed"
    try:
        return "model", model_id, True, f"from {locate(model_id)}"
    except BadInput as error:
        return "model", model_id, False, str(error)


def _task(task_id: str) -> tuple[str, str, bool, str]:
    variable = folder_variable(task_id)
    if variable and not os.environ.get(variable):
        reason = hub_unreachable()
        detail = f"the Hub cannot be reached ({reason}); set {variable}" if reason else "from the Hub"
        return "task", task_id, reason is None, detail
    try:
        task = load_task(task_id)
    except BadInput as error:
        return "task", task_id, False, str(error)
    return "task", task_id, True, f"{len(task.train):,} training examples, {', '.join(task.metrics)}"


def _engine(engine_id: str) -> tuple[str, str, bool, str]:
    return "engine", engine_id, True, f"settings: {', '.join(names(engine_class(engine_id)))}"


def _plugin(target: str) -> tuple[str, str, bool, str]:
    try:
        plugin = plugins.load_plugin(target)
    except BadInput as error:
        return "plugin", target, False, str(error)
    added = plugins.contents(plugin).items()
    detail = "; ".join(f"{kind} {', '.join(names)}" for kind, names in added)
    return "plugin", plugin.name, True, f"version {plugin.version} adds {detail}"
