"""The rewind point of another run."""

from torch import Tensor, nn

from workbench.errors import BadInput
from workbench.runs import Run, is_run, stage_weights
from workbench.stages import Stage
from workbench.training import model_tensors


class RewindPoint:
    """The weights that a run rewinds to, after some dense training.

    Args:
        place: the run's folder.
        model: the student that will take its weights.
        task: the id of the task that the student learns.

    Attributes:
        place: the run's folder.
        has_head: whether its head fits the task, because it is of the same task.

    Raises:
        BadInput: it is not a run folder, the run has no rewind point or did not keep it, or it has another
            architecture.
    """

    def __init__(self, place: str, model: nn.Module, task: str):
        if not is_run(place):
            raise BadInput(
                f"start is {place!r}, which is not a run folder. Give dense, pretrained, or the folder of a "
                "run with a rewind point."
            )
        run, stage = Run(place), Stage.rewind()
        self.place = place
        self.has_head = run.spec.task == task
        self._run = run
        if not run.folder.stage(stage).done.exists():
            raise BadInput(
                f"run {run.name} has no rewind point beside the pretrained encoder. Give a run with "
                "rewind=all and rewind_epochs above 0, or start=pretrained."
            )
        weights = self.weights()
        for name, tensor in model_tensors(model).items():
            if not self.has_head and not name.startswith(f"{model.base_model_prefix}."):
                continue
            if name not in weights or weights[name].shape != tensor.shape:
                raise BadInput(
                    f"run {run.name} has another architecture: {name} is "
                    f"{tuple(weights[name].shape) if name in weights else 'missing'} in its rewind point and "
                    f"{tuple(tensor.shape)} in the model. Give a run of the same encoder."
                )

    def weights(self) -> dict[str, Tensor]:
        """Parameters and buffers by name."""
        return stage_weights(self._run.folder, Stage.rewind())
