"""The weights that stages of a run left, for whoever looks at the space between them."""

from pathlib import Path

from torch import Tensor

from workbench.errors import BadInput
from workbench.runs.run import Run
from workbench.runs.tensors import read_tensors, write_tensors


def kept_stages(run: Run) -> tuple[str, ...]:
    """The stages whose weights are there, by name: levels and particles of a run made with `keep_weights`."""
    stages = run.path / "stages"
    return tuple(
        sorted(path.parent.relative_to(stages).as_posix() for path in stages.rglob("state.safetensors"))
    )


def stage_weights(run: Run, stage: str) -> dict[str, Tensor]:
    """Parameters and buffers that a stage left, by their names in the model.

    Raises:
        BadInput: the run did not keep them.
    """
    path = run.path / "stages" / stage / "state.safetensors"
    if not path.exists():
        there = ", ".join(kept_stages(run)) or "none"
        raise BadInput(
            f"run {run.name} has no weights of stage {stage} (kept: {there}). Weights of levels go when a "
            "run is complete: delete its folder and make it again with --keep-weights."
        )
    values, _ = read_tensors(path)
    return {name.removeprefix("model."): value for name, value in values.items() if name.startswith("model.")}


def strip_moments(root: Path) -> None:
    """Leaves the stages of a run folder their weights alone, a third of what a resume needs."""
    for path in (root / "stages").rglob("state.safetensors"):
        values, about = read_tensors(path)
        weights = {name: value for name, value in values.items() if name.startswith("model.")}
        if len(weights) < len(values):
            write_tensors(path, weights, about | {"optimizer_steps": 0})
