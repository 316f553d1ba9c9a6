"""Pruning methods, one file per published method.

Every module in this folder is imported, so adding an engine means adding one file.
"""

from importlib import import_module
from pkgutil import iter_modules

from workbench.engines.base import ENGINES, Engine, engine_class, engine_ids
from workbench.engines.bench import Bench, Candidate, RaceRules, State

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["ENGINES", "Bench", "Candidate", "Engine", "RaceRules", "State", "engine_class", "engine_ids"]
