"""Tables computed from masks and runs, a module for each topic. Nothing here draws."""

from pkgutil import iter_modules

from workbench.process import imported_when_used

_HOMES = {module.name: module.name for module in iter_modules(__path__)}

__all__ = list(_HOMES)

__getattr__, __dir__ = imported_when_used(__name__, _HOMES)
