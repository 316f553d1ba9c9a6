"""The spec that the options of `workbench prune` describe."""

import argparse
from pathlib import Path
from typing import Any

import yaml

from workbench import plugins
from workbench.cli.spec_options import SPEC_OPTIONS
from workbench.cli.task_argument import task_of
from workbench.errors import BadInput
from workbench.files import parse_yaml
from workbench.resources import recipe_path
from workbench.runs import RunSpec, find_run


def spec_of(options: argparse.Namespace) -> RunSpec:
    """The values of the recipe, if there is one, overridden by those of the options.

    Raises:
        BadInput: there is no task or no engine, or the spec rejects a value.
    """
    plain = _recipe(options.recipe) if options.recipe else {}
    engine = plain.setdefault("engine", {})
    if not isinstance(engine, dict):
        raise BadInput(f"recipe {options.recipe}: engine is {engine!r}; write `engine: {{id: {engine}}}`.")
    if options.engine and options.engine != engine.get("id"):
        plain["engine"] = engine = {"id": options.engine}
    if (task := task_of(options, options.yes)) is not None:
        plain["task"] = task
    for name in SPEC_OPTIONS:
        if (text := getattr(options, name)) is not None:
            plain[name] = text if name in ("model", "prunable") else yaml_value(name, text)
    if isinstance(plain.get("dense"), str):
        plain["dense"] = {"model": plain["dense"]}
    if options.dense is not None:
        # A complete spec repeats the classifier as its model.
        if plain.get("model") == (plain.get("dense") or {}).get("model"):
            plain.pop("model", None)
        plain["dense"] = {"model": options.dense}
    if options.sparsity is not None:
        engine["sparsity"] = yaml_value("sparsity", options.sparsity)
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


def yaml_value(name: str, text: str) -> Any:
    """A value as YAML reads it: 3 is a number, [0.5, 0.9] a list, true a truth value.

    Raises:
        BadInput: the text is not YAML; the message has the name.
    """
    try:
        return parse_yaml(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise BadInput(
            f"{name}={text} is not a YAML value: {reason}. Write numbers, words or [lists]."
        ) from error


def _recipe(name: str) -> dict[str, Any]:
    """The nested dictionaries of a recipe, once its plugins are loaded."""
    path = Path(name) if Path(name).is_file() else recipe_path(name)
    plain = RunSpec.read_plain(path)
    plugins.load_named(plain.pop("plugins", None), str(path), path.parent)
    return plain


def _assign(plain: dict[str, Any], assignment: str, store: str) -> None:
    name, equals, value = assignment.partition("=")
    if not equals:
        raise BadInput(f"--set {assignment} has no value; write --set NAME=VALUE.")
    if name == "match_steps_of":
        name, value = "total_steps", str(find_run(value, store).optimizer_steps)
    *path, last = name.split(".")
    target = plain if path[:1] == ["dense"] else plain["engine"]
    for part in path:
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise BadInput(f"--set {assignment}: {part} is {target!r}, which has no settings of its own.")
    target[last] = yaml_value(name, value)
