"""The dense models that runs share, as the stores of these scripts keep them."""

import json

from safetensors.torch import load_file
from torch import nn

from workbench import Run
from workbench.models import load_encoder
from workbench.runs.layout import RunFolder


def dense_model(run: Run, outputs: int) -> nn.Module:
    """The dense model of a complete run.

    Args:
        run: in the store that it was made in.
        outputs: of its task.
    """
    place = json.loads(run.folder.plan.read_text())["dense"]["folder"]
    state = load_file(RunFolder(run.path.parent / place).stage("dense").state)
    model = load_encoder(run.spec.model, outputs, run.spec.seed)
    model.load_state_dict({name.removeprefix("model."): tensor for name, tensor in state.items()})
    return model
