"""The optional packages: what each extra of pyproject.toml brings, and what to say where it is missing."""

import re
from importlib.util import find_spec

from workbench.errors import BadInput

EXTRAS = {
    "onnx": ("onnx>=1.23", "onnxscript>=0.7", "onnxruntime>=1.32"),
    "tensorboard": ("tensorboardX>=2.6",),
    "trackio": ("trackio>=0.43",),
    "wandb": ("wandb>=0.31",),
}


def check_extra(extra: str, purpose: str) -> None:
    """Refuses what needs packages that are not installed.

    Args:
        extra: its name in pyproject.toml.
        purpose: what needs it, to begin a sentence with.

    Raises:
        BadInput: one is missing; the message has the line that installs them.
    """
    requirements = EXTRAS[extra]
    names = [re.match(r"\w+", requirement)[0] for requirement in requirements]
    if missing := [name for name in names if find_spec(name) is None]:
        quoted = " ".join(f"'{requirement}'" for requirement in requirements)
        raise BadInput(
            f"{purpose} needs {' and '.join(missing)}, which this Python lacks. "
            f"Install the extra [{extra}]: pip install {quoted}"
        )
