"""A plugin that kills workers of a race in the middle of their training."""

from pathlib import Path

from workbench.engines import engine_class
from workbench.engines.randomized import Randomized
from workbench.plugins import load_plugin
from workbench.settings import names

_PLUGIN = """
import os, signal, sys
from pathlib import Path
from typing import ClassVar
from workbench.engines.randomized import Randomized
from workbench.execution import stage_training
from workbench.settings import settings
from workbench.training import MaskedTrainer

@settings
class Deadly(Randomized):
    "The same by another name."
    id: ClassVar[str] = "deadly"

def kill_once(process, marker):
    try:
        Path(FOLDER, f"killed-{marker}").touch(exist_ok=False)
    except FileExistsError:
        return False
    os.kill(process, signal.SIGKILL)
    return True

if "workbench.execution.stage_worker" in sys.orig_argv:
    stage_training.CHECKPOINT_SECONDS = 0.0
    advance = MaskedTrainer.advance

    def deadly(trainer, batch):
        if trainer.step == 1:
            any(kill_once(process, marker) for marker, process in enumerate([VICTIMS]))
        return advance(trainer, batch)

    MaskedTrainer.advance = deadly
"""


def engine(like: Randomized, folder: Path, victims: list[str]) -> Randomized:
    """The same engine from a plugin that every worker loads, and that kills workers in their second step.

    Args:
        like: the engine.
        folder: where the plugin is written, and a file for each kill.
        victims: expressions of the process ids to kill, each once, in the worker that comes first.
    """
    path = folder / "deadly.py"
    path.write_text(_PLUGIN.replace("FOLDER", repr(str(folder))).replace("VICTIMS", ", ".join(victims)))
    load_plugin(path)
    return engine_class("deadly")(**{name: getattr(like, name) for name in names(type(like))})


def kills(folder: Path) -> int:
    """How often the plugin has killed."""
    return len(list(folder.glob("killed-*")))
