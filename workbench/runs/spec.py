"""The description of a run: the values that decide its result, and the name derived from them."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import BeforeValidator, Field, SkipValidation

from workbench.engines import Engine, engine_class
from workbench.errors import BadInput
from workbench.files import read_json, read_yaml
from workbench.models import MINILM, RESNET20
from workbench.runs.layout import RunFolder
from workbench.runs.spec_text import Shared, made, parse_spec
from workbench.settings import Count, Positive, Warmup, settings, to_plain
from workbench.tasks import OwnTask, canonical_id, modality, own

_USUAL_MODEL = {"text": MINILM, "images": RESNET20}


@settings
class FineTuning:
    """How the dense model is made, which the runs of a task start from and learn from.

    All runs of a store with the same task, model and seed share it; `scale` does not shorten it.

    Attributes:
        model: Hub id or folder of a fine-tuned classifier that is the dense model as it is; nothing is
            trained, and the other settings of the fine-tuning must be left out.
        start_mask: "zeros" if the weights that are zero in such a classifier must stay zero throughout the
            run.
        epochs: passes over the training split.
        lr: peak learning rate, with linear decay; None for 5e-5 at width 768 and inversely with width, and
            for 1e-3 where the task has images.
        batch_size: examples in an optimizer step.
        warmup: share of the training in which the learning rate rises.
        eval_every: optimizer steps between evaluations; the best one is kept.
    """

    called: ClassVar[str] = "dense"

    model: str | None = None
    start_mask: Literal["zeros"] | None = None
    epochs: Positive = 4.0
    lr: Positive | None = None
    batch_size: Count = 32
    warmup: Warmup = 0.1
    eval_every: Count = 50

    def __post_init__(self):
        if self.model is None:
            if self.start_mask:
                raise BadInput(
                    f"dense.start_mask is {self.start_mask}, but no classifier is given whose zeros could "
                    "stay. Name it: --dense FOLDER, or leave start_mask out."
                )
            return
        trained = to_plain(self, changed_only=True).keys() - {"model", "start_mask"}
        if trained:
            raise BadInput(
                f"dense.{min(trained)} is set, but the dense model {self.model} is given and not fine-tuned. "
                "Leave one of the two out."
            )


def _as_settings(dense: Any) -> Any:
    return {"model": dense} if isinstance(dense, str) else dense


@settings
class RunSpec:
    """The complete description of a run: equal specs give equal names and, on equal hardware, equal results.

    Attributes:
        task: task id; a bare GLUE name is made canonical, and a task file becomes the id of its task.
        engine: the method with its hyper-parameters.
        model: Hub id or folder of the pretrained encoder or ResNet (see `models.locate`); None for the dense
            model if that is given, else all-MiniLM-L6-v2 or, where the task has images, an untrained CIFAR
            ResNet-20.
        seed: root of all randomness.
        scale: multiplies the training lengths of the engine that are given in epochs, not `total_steps`.
        examples: number of training examples, drawn with the seed; None for all of them.
        selection: the split that selects masks and checkpoints: "validation" is carved from train, "dev" is
            the reported one, as in the papers.
        precision: "auto", "fp32" or "bf16"; "auto" is bf16 if the hardware has it, and environment.json
            records which.
        prunable: a regular expression for the names of the weights that can be pruned; None for the matrices
            of the encoder's layers (see `models.set_prunable`).
        dense: how the dense model is made; a folder or Hub id stands for a fine-tuned classifier.
        data: the definition of a task of one's own, which follows from `task`; None for other tasks. Of it
            only the digest of the rows is part of the run's identity, not where they are.
    """

    task: str
    engine: Annotated[Engine, SkipValidation]
    model: str | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    scale: Positive = 1.0
    examples: Count | None = None
    selection: Literal["validation", "dev"] = "validation"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    prunable: str | None = None
    dense: Annotated[FineTuning, BeforeValidator(_as_settings)] = FineTuning()
    data: OwnTask | None = None

    def __post_init__(self):
        if not isinstance(self.engine, Engine):
            raise BadInput(
                f"engine is {self.engine!r}; give an engine object such as Randomized(sparsity=0.9)."
            )
        object.__setattr__(self, "engine", self.engine.resolve(_final_mask_file))
        if self.data is not None:
            own.register(self.data)
        object.__setattr__(self, "task", canonical_id(self.task))
        object.__setattr__(self, "data", own.definition_of(self.task))
        object.__setattr__(self, "model", self.model or self._usual_model)
        if self.engine.distillation.mode == "tinybert" and modality(self.task) == "images":
            raise BadInput(
                "distillation.mode is tinybert, which compares attentions of text encoders, and "
                f"{self.task} has images. Choose --set distillation.mode=logits, or none for labels alone."
            )
        if self.prunable is not None:
            _check_pattern(self.prunable)

    @property
    def name(self) -> str:
        """The run folder's name: task, engine, and a hash of the values that are not defaults.

        A field that is added later with a default leaves the names of old runs as they are.
        """
        identity = self.changed
        for place in self.engine.places:
            identity["engine"].pop(place, None)
        if self.data is not None:
            identity["data"] = self.data.digest
        return f"{self.task.replace('/', '-')}-{self.engine.id}-{content_hash(identity)}"

    @property
    def changed(self) -> dict[str, Any]:
        """The values that are not defaults, nor the task's usual model, as `from_plain` takes them."""
        plain = to_plain(self, changed_only=True)
        if self.model == self._usual_model:
            del plain["model"]
        return plain

    @property
    def _usual_model(self) -> str:
        return self.dense.model or _USUAL_MODEL[modality(self.task)]

    def to_yaml(self) -> str:
        """Every value, defaults included."""
        return yaml.safe_dump(to_plain(self), sort_keys=False)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "RunSpec":
        """A spec out of nested dictionaries, as `to_plain` makes them; defaults may be left out.

        Args:
            plain: must name `task` and an `engine` with an `id`.
        """
        if not isinstance(plain.get("engine"), dict) or "id" not in plain["engine"]:
            raise BadInput("the spec names no engine; it needs a task, and an engine with an id.")
        parts = {"engine": made(engine_class(plain["engine"]["id"]), plain["engine"])}
        if isinstance(plain.get("dense"), Shared):
            parts["dense"] = made(FineTuning, plain["dense"])
        return cls(**plain | parts)

    @classmethod
    def from_yaml(cls, path: str | Path) -> "RunSpec":
        """Reads a spec that `to_yaml` or a person wrote; messages name the file."""
        plain = cls.read_plain(path, parse_spec)
        try:
            return cls.from_plain(plain)
        except BadInput as error:
            raise BadInput(f"{path}: {error}") from error

    @staticmethod
    def read_plain(path: str | Path, parse: Callable[[str], Any] | None = None) -> dict[str, Any]:
        """The nested dictionaries of a spec file, not yet checked; paths of data are relative to the file.

        Args:
            path: the file.
            parse: as in `read_yaml`.
        """
        plain = read_yaml(path, parse)
        if not isinstance(plain, dict) or not all(isinstance(name, str) for name in plain):
            raise BadInput(
                f"{path} is not a mapping; a spec has a task and an engine, as in workbench/recipes."
            )
        folder = os.path.dirname(path)
        if "task" in plain:
            plain["task"] = own.beside(plain["task"], folder)
        if isinstance(plain.get("data"), dict):
            plain["data"] = to_plain(OwnTask(**plain["data"]).beside(folder))
        return plain


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise BadInput(
            f"prunable is {pattern!r}, which is not a regular expression: {error}. Write one such as "
            r"'layer\.\d+\.output'."
        ) from error


def _final_mask_file(folder: str) -> Path:
    """The file of the final mask of a complete run, for an engine that takes something from it."""
    paths = RunFolder(folder)
    if not paths.results.is_file():
        raise BadInput(f"{folder} is not a complete run. Give the folder of one.")
    return paths.mask(read_json(paths.results)["levels"][-1]["stage"])


def content_hash(plain: Any) -> str:
    """Twelve hex digits of the SHA-256 of a canonical JSON text."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
