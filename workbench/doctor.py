"""Reports what works on this computer, and why the rest does not."""

import os

import pandas as pd
import torch

from workbench import plugins
from workbench.engines import engine_class, engine_ids
from workbench.errors import BadInput
from workbench.hub import hub_unreachable
from workbench.models import MINILM, UNTRAINED, locate
from workbench.settings import names
from workbench.tasks import folder_variable, load_task, task_ids
from workbench.training import detect_precision, device_name


def examine() -> pd.DataFrame:
    """One row per item: kind, name, usable, and `detail`, which says how it is used or why it cannot be.

    Nothing is downloaded: if the Hub can be reached, its tasks count as usable without being loaded.
    """
    models = map(_model, (MINILM, *UNTRAINED))
    rows = [
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
