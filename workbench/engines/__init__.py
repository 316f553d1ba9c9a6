"""How masks are found: one file per published method.

Every module of this folder is imported, so an engine is added by adding its file.
"""

from importlib import import_module
from pkgutil import iter_modules

from workbench.engines.base import Bench, Engine, Entrant, State, engine_class, engine_ids

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["Bench", "Engine", "Entrant", "State", "engine_class", "engine_ids"]
