"""The files of a run's model, without paths of the machine."""

import json
import shutil
from pathlib import Path

from workbench.files import read_json
from workbench.runs import Run
from workbench.runs.portable import without_paths

_OWN_JSON = ("config.json", "tokenizer_config.json")


def base_model(run: Run) -> str:
    """The pretrained model: its Hub id, or the name of its folder or file."""
    model = run.spec.model
    return Path(model).name if Path(model).exists() else without_paths(model)


def copy_model(run: Run, folder: Path, *, weights: bool) -> None:
    """Copies configuration and tokenizer of the final model, and optionally its weights."""
    for file in sorted(run.folder.model.iterdir()):
        if file.name in _OWN_JSON:
            plain = without_paths(read_json(file))
            for name in ("_name_or_path", "name_or_path"):
                plain.pop(name, None)
            (folder / file.name).write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
        elif weights or file != run.folder.model_weights:
            shutil.copy(file, folder / file.name)
