"""Plugins: external modules and files that add engines, criteria, task sources, executors or report sections.

A plugin is found in one of four ways: as an entry point of an installed package (`workbench.plugins`), by
`load_plugin` or the command line's `--plugin`, under `plugins:` in a recipe or a grid, or in the environment
variable WORKBENCH_PLUGINS. Loaded plugins are added to that variable, so that every process started from this
one (a grid's workers, background runs, the kernel of a report) loads the same plugins.
"""

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from workbench.errors import BadInput, WorkbenchError, unknown

ENTRY_POINTS = "workbench.plugins"
VARIABLE = "WORKBENCH_PLUGINS"

Item = TypeVar("Item")


@dataclass(frozen=True)
class Plugin:
    """A loaded plugin, as run folders record it.

    Attributes:
        name: name of the installed package or of the module, or the file name without its suffix.
        version: version of the installed package, or "sha256:" and sixteen hex digits of the file's digest.
        target: the argument for `load_plugin`: a module name, or a file name without its folder.
    """

    name: str
    version: str
    target: str

    def __str__(self) -> str:
        return f"{self.name} ({self.version})"


class Registry(Mapping[str, Item], Generic[Item]):
    """Named items of one kind, both built-in ones and those from plugins.

    Reading a registry first loads the plugins that are installed or listed in WORKBENCH_PLUGINS.

    Args:
        kind: a singular noun for messages, such as "engine".
        code: the class or function of an item, whose module tells a plugin's items from built-in ones; by
            default the item itself.
    """

    def __init__(self, kind: str, code: Callable[[Item], Any] = lambda item: item):
        self.kind = kind
        self._code = code
        self._items: dict[str, Item] = {}
        self._owners: dict[str, Plugin] = {}
        _registries.append(self)

    def add(self, name: str, item: Item) -> None:
        """Adds an item; one that a plugin defines while it is being loaded belongs to that plugin.

        Raises:
            BadInput: the name is taken.
        """
        if name in self._items:
            owner = self._owners.get(name)
            raise BadInput(
                f"{self.kind} {name!r} already exists, "
                f"{f'from plugin {owner}' if owner else 'built into the workbench'}. Choose another name."
            )
        self._items[name] = item
        # A plugin that is loaded first of all may be what imports the workbench's own engines and sources.
        if _loading and not self._code(item).__module__.startswith(f"{__package__}."):
            self._owners[name] = _loading[-1]

    def owner(self, name: str) -> Plugin | None:
        """The plugin that an item came from; None for a built-in item."""
        return self._owners.get(name)

    def owned_by(self, plugin: Plugin) -> list[str]:
        """The names of a plugin's items, in the order in which they were added."""
        return [name for name, owner in self._owners.items() if owner == plugin]

    def discard(self, plugin: Plugin) -> None:
        """Removes a plugin's items."""
        for name in self.owned_by(plugin):
            del self._items[name], self._owners[name]

    def __getitem__(self, name: str) -> Item:
        discover()
        if name not in self._items:
            raise unknown(self.kind, name, self._items)
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        discover()
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        discover()
        return iter(list(self._items))

    def __len__(self) -> int:
        discover()
        return len(self._items)


_registries: list[Registry] = []
_loaded: dict[str, Plugin] = {}
_loading: list[Plugin] = []
_discovered = False


def load_plugin(target: str | Path, *, folder: str | Path = ".") -> Plugin:
    """Loads a plugin in this process and in every process that it starts afterwards.

    Args:
        target: the name of an importable module, or a Python file.
        folder: the base folder for relative paths.

    Raises:
        BadInput: the plugin cannot be found or imported, adds nothing, adds a name that already exists, or
            adds an item that lacks something that its kind requires. Nothing from it stays registered.
    """
    target = _located(str(target), folder)
    if target not in _loaded:
        _loaded[target] = _load(target)
        os.environ[VARIABLE] = os.pathsep.join(dict.fromkeys([*listed(), target]))
    return _loaded[target]


def load_named(targets: Any, place: str, folder: str | Path) -> None:
    """Loads the plugins listed under `plugins:` in a file.

    Args:
        targets: the value of that key; None if it is missing.
        place: the file, for messages.
        folder: the base folder for relative paths.

    Raises:
        BadInput: the value is not a list of modules and files, or a plugin cannot be loaded.
    """
    if targets is None:
        return
    if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
        raise BadInput(f"plugins of {place} is {targets!r}; write a list of modules and Python files.")
    for target in targets:
        load_plugin(target, folder=folder)


def discover() -> None:
    """Loads, once per process, the plugins of installed packages and those in WORKBENCH_PLUGINS.

    Raises:
        BadInput: a plugin cannot be loaded.
    """
    global _discovered
    if _discovered:
        return
    _discovered = True  # first, since a plugin may read a registry while it is being loaded
    try:
        for target in configured():
            load_plugin(target)
    except BaseException:
        _discovered = False  # a notebook's next cell must fail as well
        raise


def configured() -> tuple[str, ...]:
    """The targets that `discover` loads: modules of entry points, then those in WORKBENCH_PLUGINS."""
    entries = sorted(entry.value for entry in metadata.entry_points(group=ENTRY_POINTS))
    return tuple(dict.fromkeys([*entries, *listed()]))


def listed() -> list[str]:
    """The targets in WORKBENCH_PLUGINS; files with their folder, so that other folders find them as well."""
    return [_located(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]


def loaded() -> tuple[Plugin, ...]:
    """All plugins that this process has loaded, in order."""
    return tuple(_loaded.values())


def contents(plugin: Plugin) -> dict[str, list[str]]:
    """The names that a plugin added, by kind."""
    return {registry.kind: names for registry in _registries if (names := registry.owned_by(plugin))}


def as_records(plugins: Iterable[Plugin | None]) -> list[dict[str, str]]:
    """Plugins as a run folder records them: without duplicates, sorted by name, None omitted."""
    distinct = {plugin for plugin in plugins if plugin is not None}
    return [asdict(plugin) for plugin in sorted(distinct, key=lambda plugin: plugin.name)]


def check_records(records: Iterable[Mapping[str, str]], subject: str) -> None:
    """Compares the plugins that a run folder recorded with the loaded ones.

    Raises:
        BadInput: a plugin is not loaded, or is loaded in another version.
    """
    discover()
    by_name = {plugin.name: plugin for plugin in loaded()}
    for record in records:
        needed, plugin = Plugin(**record), by_name.get(record["name"])
        if plugin is None:
            raise BadInput(
                f"{subject} needs plugin {needed}, which is not loaded. Install it, or add "
                f"--plugin {needed.target}."
            )
        if plugin != needed:
            raise BadInput(
                f"{subject} was made with plugin {needed}, but {plugin.version} is loaded. Restore the "
                "former version, or delete the run's folder to repeat it with this one."
            )


def _located(target: str, folder: str | Path = ".") -> str:
    """A module as it is named, a file with its absolute path."""
    return str((Path(folder) / Path(target).expanduser()).resolve()) if target.endswith(".py") else target


def _load(target: str) -> Plugin:
    plugin = _identify(target)
    if clash := next((other for other in _loaded.values() if other.name == plugin.name), None):
        raise BadInput(f"plugin {target}: a plugin {clash} is already loaded. Rename one of them.")
    _loading.append(plugin)
    try:
        _import(target)
        if not contents(plugin):
            raise BadInput(
                "it adds nothing; define an engine, a criterion, a task source, an executor or a report "
                "section (docs/extending.md)."
            )
    except BaseException as error:
        for registry in _registries:
            registry.discard(plugin)
        sys.modules.pop(_module_name(target), None)
        if isinstance(error, WorkbenchError):
            raise BadInput(f"plugin {target}: {error}") from error
        if isinstance(error, Exception):
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise BadInput(f"plugin {target} fails on import: {reason}. Correct or remove it.") from error
        raise
    finally:
        _loading.pop()
    return plugin


def _identify(target: str) -> Plugin:
    """Name and version of a plugin that has not been imported yet."""
    if target.endswith(".py"):
        path = Path(target)
        if not path.is_file():
            raise BadInput(f"plugin {target} does not exist. Name a Python file or an importable module.")
        return Plugin(path.stem, _digest(path), path.name)
    package = target.partition(".")[0]
    try:
        spec = importlib.util.find_spec(target)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin:
        raise BadInput(
            f"plugin {target} cannot be found. Install the package that contains it, or name a Python file."
        )
    for distribution in metadata.packages_distributions().get(package, ()):
        return Plugin(distribution, metadata.version(distribution), target)
    return Plugin(target, _digest(Path(spec.origin)), target)


def _import(target: str) -> ModuleType:
    if not target.endswith(".py"):
        return importlib.import_module(target)
    spec = importlib.util.spec_from_file_location(_module_name(target), target)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module there
    spec.loader.exec_module(module)
    return module


def _module_name(target: str) -> str:
    return f"workbench_plugin_{Path(target).stem}" if target.endswith(".py") else target


def _digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
