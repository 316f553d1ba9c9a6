"""What a run needs before its first step: data and models, loaded and checked against each other."""

from dataclasses import dataclass

from torch import nn

from workbench.errors import BadInput
from workbench.execution.environment import environment_here
from workbench.execution.given import GivenDense
from workbench.masks import kept_count
from workbench.models import load_encoder, prunable
from workbench.runs.spec import RunSpec
from workbench.tasks import load_task
from workbench.training import limit_compiled_products
from workbench.training.data import TaskData


@dataclass(frozen=True)
class Prepared:
    """What every process that works on a run loads first.

    Attributes:
        data: the task.
        classifier: a fresh classifier with the pretrained weights.
        student: the student that the engine makes of it; may be the same object.
        given: the dense model, if the spec names one; its model may be the same object as the classifier.
    """

    data: TaskData
    classifier: nn.Module
    student: nn.Module
    given: GivenDense | None = None

    def environment(self, spec: RunSpec) -> dict:
        """`environment_here` of the run."""
        return environment_here(spec, self.data, self.classifier, self.given and self.given.digest)


def prepared(spec: RunSpec) -> Prepared:
    """Loads the data and the untrained models of a run.

    Raises:
        BadInput: the engine rejects the model, the mask would keep nothing of a matrix, or models and task do
            not fit together.
    """
    task = load_task(spec.task)
    given = GivenDense.load(spec, task)
    if given and spec.model == given.model_id:
        classifier = given.model
    else:
        classifier = load_encoder(spec.model, task.num_outputs, spec.seed, spec.prunable)
    _check_that_something_is_kept(spec, classifier)
    spec.engine.check(classifier)
    data = TaskData(task, spec.model, spec.seed, spec.selection, spec.examples)
    if task.modality == "text":  # images have one size, and a ResNet more products than the limit
        limit_compiled_products(spec.engine.batch_size * float(data.train.lengths.mean()))
    _check_image_size(spec, classifier, data)
    if given and classifier is not given.model:
        given.check_same_architecture(spec.model, classifier, data)
        classifier.config.id2label, classifier.config.label2id = (
            given.model.config.id2label,
            given.model.config.label2id,
        )
    return Prepared(data, classifier, spec.engine.adapt(classifier, task, data.tokenizer), given)


def _check_image_size(spec: RunSpec, classifier: nn.Module, data: TaskData) -> None:
    """Rejects an image processor that makes another size than a vision transformer has positions for."""
    size = getattr(classifier.config, "image_size", None)
    if data.task.modality != "images" or size is None:
        return
    expected = tuple(size) if isinstance(size, list | tuple) else (size, size)
    if expected != (found := data.train.pixels.shape[2:]):
        raise BadInput(
            f"model {spec.model} takes images of {expected[1]} x {expected[0]} pixels, and its "
            f"preprocessor_config.json makes {found[1]} x {found[0]} of those of {spec.task}. Correct the "
            "size there, or remove the file."
        )


def _check_that_something_is_kept(spec: RunSpec, classifier: nn.Module) -> None:
    for name, weight in prunable(classifier).items():
        if kept_count(weight.numel(), spec.engine.sparsity) == 0:
            raise BadInput(
                f"sparsity {spec.engine.sparsity} keeps none of the {weight.numel()} weights of {name}; "
                f"{1 - 1 / weight.numel():.6g} keeps one."
            )
