"""The models of a run: the one student that all stages train in turn, and the dense classifier."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cached_property

from torch import Tensor, nn

from workbench.execution.rewind import RewindPoint
from workbench.execution.teacher import teacher_logits
from workbench.models import load_encoder, prunable
from workbench.runs.layout import RunFolder
from workbench.runs.spec import RunSpec
from workbench.runs.stage_folder import StageFolder
from workbench.runs.states import Origin, StageState, Tensors
from workbench.training import device, load_model_tensors, model_tensors
from workbench.training.data import TaskData


class RunModels:
    """The models of a run, and the states that they can load.

    Args:
        spec: the run.
        data: its task.
        classifier: a fresh classifier; the dense model's architecture.
        student: the student that the engine made of it.
        make_dense: fine-tunes the dense model if that has not been done, and returns its stage.
        precision: "fp32" or "bf16".

    Attributes:
        student: has the weights of the stage in training, or of the latest state that was loaded.
        prunable: names of the student's prunable matrices, in the model's order.
    """

    def __init__(
        self,
        spec: RunSpec,
        data: TaskData,
        classifier: nn.Module,
        student: nn.Module,
        make_dense: Callable[[], StageFolder],
        precision: str,
    ):
        self.student = student
        self.prunable = tuple(prunable(student))
        self._spec = spec
        self._data = data
        self._classifier = classifier
        self._make_dense = make_dense
        self._precision = precision

    def state(self, folder: StageFolder) -> StageState:
        """The state of a complete stage."""
        return StageState.of_file(folder.paths.state, self.prunable, Origin("stage", folder.stage))

    def pretrained(self) -> StageState:
        """The pretrained encoder with a fresh head."""
        return StageState(self._read_pretrained, self.prunable, Origin("pretrained"))

    def dense_state(self) -> StageState:
        """The state of the dense model's stage."""
        return replace(self.state(self.dense_folder), origin=Origin("dense"))

    def rewind_point(self, place: str) -> StageState:
        """The rewind point of another run; if that has another task, only its encoder, with a fresh head."""
        point = RewindPoint(place, self.student, self._spec.task)

        def read() -> Tensors:
            return Tensors({f"model.{name}": tensor for name, tensor in point.weights().items()})

        state = StageState(read, self.prunable, Origin("rewound", place))
        return state if point.has_head else self.pretrained().with_encoder_of(state)

    def state_from(self, origin: Origin, folder: RunFolder) -> StageState:
        """The state that an origin names.

        Args:
            origin: names a state.
            folder: the run that its stages belong to.
        """
        others = [self.state_from(other, folder) for other in origin.of]
        match origin.kind:
            case "pretrained":
                return self.pretrained()
            case "dense":
                return self.dense_state()
            case "stage":
                return self.state(StageFolder(folder, origin.stage))
            case "rewound":
                return self.rewind_point(origin.stage)
            case "fresh":
                return others[0].fresh()
            case "mixed":
                return others[0].with_encoder_of(others[1])

    def load(self, state: StageState) -> nn.Module:
        """The student with the weights of a state."""
        load_model_tensors(self.student.to(device()), state.read().values)
        return self.student

    @cached_property
    def dense_folder(self) -> StageFolder:
        """The stage of the dense model, which is fine-tuned on first use, after the checks of the engine."""
        return self._make_dense()

    @cached_property
    def dense(self) -> nn.Module:
        """The frozen dense classifier: the teacher of students, and what they are compared with."""
        return self._load_dense()

    @cached_property
    def teacher_logits(self) -> Tensor:
        """Its logits for each training example, (examples, outputs)."""
        return teacher_logits(self.dense_folder, self._load_dense, self._data, self._precision)

    def _load_dense(self) -> nn.Module:
        is_student = self._classifier is self.student
        model = (deepcopy(self._classifier) if is_student else self._classifier).to(device())
        load_model_tensors(model, self.dense_state().read().values)
        return model.requires_grad_(False).eval()

    def _read_pretrained(self) -> Tensors:
        spec = self._spec
        model = load_encoder(spec.model, self._data.task.num_outputs, spec.seed, spec.prunable)
        model = spec.engine.adapt(model, self._data.task, self._data.tokenizer)
        return Tensors({f"model.{name}": tensor.detach() for name, tensor in model_tensors(model).items()})
