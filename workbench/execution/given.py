"""A given dense model: a fine-tuned classifier from elsewhere, which is scored before it is used."""

import sys
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from workbench.errors import BadInput
from workbench.models import Classifier, load_classifier, load_tokenizer
from workbench.runs.spec import RunSpec
from workbench.runs.states import content_digest
from workbench.tasks import Task
from workbench.tasks.metrics import score
from workbench.training import device, model_tensors
from workbench.training.data import TaskData

_SCORES = dict[str, float]


@dataclass
class GivenDense:
    """The classifier that a run's spec names as its dense model.

    Attributes:
        model_id: its folder or Hub id.
        classifier: the model, with the classes in the task's order.
        digest: digest of its weights in that order.
        scores: on the validation split; None until they are measured.
    """

    model_id: str
    classifier: Classifier
    digest: str
    scores: _SCORES | None = field(default=None)

    @classmethod
    def load(cls, spec: RunSpec, task: Task) -> "GivenDense | None":
        """The classifier of a spec; None if the dense model is fine-tuned.

        Raises:
            BadInput: see `load_classifier`.
        """
        model_id = spec.dense.model
        if model_id is None:
            return None
        classifier = load_classifier(model_id, task.id, task.labels, spec.prunable)
        return cls(model_id, classifier, content_digest(model_tensors(classifier.model)))

    @property
    def model(self) -> nn.Module:
        """The model."""
        return self.classifier.model

    def measure(self, data: TaskData, precision: str) -> _SCORES:
        """Scores on the validation split, the primary one first."""
        if self.scores is None:
            self.scores = data.evaluate(self.model.to(device()), precision)
        return self.scores

    def check(self, data: TaskData, precision: str, accept: bool) -> None:
        """Reports how its classes were matched and what it scores.

        Raises:
            BadInput: it is no better than a constant answer, and `accept` is false.
        """
        task, names = data.task, self.classifier.names
        if self.classifier.matched == "by number" and task.labels:
            pairs = ", ".join(f"{name} = {label}" for name, label in zip(names, task.labels, strict=True))
            print(
                f"warning: the classes of {self.model_id} and of {task.id} have other names and were matched "
                f"by number: {pairs}",
                file=sys.stderr,
            )
        metric, value = next(iter(self.measure(data, precision).items()))
        least = constant_score(data)[metric]
        facts = f"validation {metric} {value:.3f}, and always the same answer scores {least:.3f}"
        if value <= least and not accept:
            order = " Perhaps its classes are in another order than the task's." if task.labels else ""
            raise BadInput(
                f"dense model {self.model_id} is no better on {task.id} than a constant: {facts}.{order} "
                "Give another classifier, leave --dense out to have one fine-tuned, or add --yes."
            )
        print(f"dense model {self.model_id}: {facts}", file=sys.stderr, flush=True)

    def check_same_architecture(self, model_id: str, encoder: nn.Module, data: TaskData) -> None:
        """Rejects a pretrained encoder that the classifier cannot have been made from.

        Args:
            model_id: folder or Hub id of the encoder.
            encoder: the encoder with a fresh head.
            data: the task, encoded for it.
        """
        ours, theirs = (
            {name: tuple(tensor.shape) for name, tensor in model_tensors(model).items()}
            for model in (self.model, encoder)
        )
        for name in (*ours, *theirs):
            if ours.get(name) != theirs.get(name):
                raise BadInput(
                    f"dense model {self.model_id} and model {model_id} differ in architecture: {name} is "
                    f"{ours.get(name, 'missing')} in the first and {theirs.get(name, 'missing')} in the "
                    "second. Give the encoder that the classifier was made from, or leave --model out."
                )
        if data.tokenizer and load_tokenizer(self.model_id).get_vocab() != data.tokenizer.get_vocab():
            raise BadInput(
                f"dense model {self.model_id} and model {model_id} have different vocabularies. Give the "
                "encoder that the classifier was made from, or leave --model out."
            )

    def about(self) -> dict[str, str]:
        """Its entry in `results.json`."""
        return {"model": self.model_id, "weights": self.digest, "classes": self.classifier.matched}


def constant_score(data: TaskData) -> _SCORES:
    """Validation metrics of the best constant answer: the majority class of train, or its mean score."""
    labels, validation = data.train.labels, data.validation.labels
    if data.task.is_regression:
        answer = np.array([labels.mean()])
    else:
        answer = np.bincount(labels, minlength=len(data.task.labels)).astype(np.float32)
    return score(data.task.metrics, np.tile(answer, (len(validation), 1)), validation)
