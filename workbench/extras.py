"""Optional packages: the contents of each extra in pyproject.toml, and the error if they are missing."""

import re
from importlib.util import find_spec

from workbench.errors import BadInput

EXTRAS = {
    "onnx": ("onnx>=1.23", "onnxscript>=0.7", "onnxruntime>=1.32"),
    "ray": ("ray>=2.60",),
    "slurm": ("submitit>=1.5.4",),
    "tensorboard": ("tensorboardX>=2.6",),
    "trackio": ("trackio>=0.43",),
    "wandb": ("wandb>=0.31",),
}


def has_extra(extra: str) -> bool:
    """Whether the packages of an extra are installed."""
    return not _missing(extra)


def check_extra(extra: str, purpose: str) -> None:
    """Checks that the packages of an extra are installed.

    Args:
        extra: name of the extra in pyproject.toml.
        purpose: what needs it, as the subject of a sentence.

    Raises:
        BadInput: a package is missing; the message has the command that installs it.
    """
    if missing := _missing(extra):
        quoted = " ".join(f"'{requirement}'" for requirement in EXTRAS[extra])
        raise BadInput(
            f"{purpose} needs {' and '.join(missing)}, which this Python environment lacks. "
            f"Install the extra [{extra}]: pip install {quoted}"
        )


def _missing(extra: str) -> list[str]:
    names = [re.match(r"\w+", requirement)[0] for requirement in EXTRAS[extra]]
    return [name for name in names if find_spec(name) is None]
