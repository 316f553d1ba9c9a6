"""Tensor files, the states that stages hand to each other, and the weights that a run kept."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load
from safetensors.torch import save_file
from torch import Tensor

from workbench.errors import BadInput
from workbench.files import read_bytes, text_metadata, write_atomic
from workbench.runs.layout import RunFolder
from workbench.stages import Stage


def content_digest(tensors: Mapping[str, Tensor | np.ndarray]) -> str:
    """Sixteen hex digits of the SHA-256 of names and bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(_bytes(tensors[name]))
    return digest.hexdigest()[:16]


def _bytes(values: Tensor | np.ndarray) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values.reshape(-1).view(np.uint8)
    return values.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: dict[str, Any]) -> None:
    """Writes tensors and JSON facts as one safetensors file, atomically."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(facts | {"digest": content_digest(contiguous)})
    write_atomic(path, lambda part: save_file(contiguous, part, metadata={"about": text}))


class TensorFile(Mapping[str, Tensor]):
    """The tensors of a safetensors file. Each is read when it is asked for, and none is kept.

    Attributes:
        path: the file.
        metadata: its text metadata.
    """

    def __init__(self, path: Path):
        self.path = path
        with safe_open(path, framework="pt") as file:
            self._names = dict.fromkeys(file.keys())
            self.metadata: dict[str, str] = file.metadata() or {}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        # The pages of a mapped file stay in memory until the file is closed.
        with safe_open(self.path, framework="pt") as file:
            return file.get_tensor(name).clone()

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def read_tensors(path: Path) -> tuple[TensorFile, dict[str, Any]]:
    """What `write_tensors` wrote, and its digest among the facts.

    The digest is checked here, the tensors are read when they are used.

    Raises:
        BadInput: the file is missing, truncated or edited.
    """
    with _damage_as_bad_input(path):
        tensors = TensorFile(path)
        return tensors, _checked_facts(tensors, tensors.metadata)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All tensors, in formats that NumPy has, of a file that `write_tensors` wrote; its digest is checked.

    Raises:
        BadInput: as `read_tensors`.
    """
    with _damage_as_bad_input(path):
        content = read_bytes(path)
        arrays = load(content)
        _checked_facts(arrays, text_metadata(content))
        return arrays


def _checked_facts(tensors: Mapping[str, Tensor | np.ndarray], metadata: Mapping[str, str]) -> dict[str, Any]:
    facts = json.loads(metadata["about"])
    if content_digest(tensors) != facts["digest"]:
        raise ValueError("its content does not match its digest")
    return facts


@contextmanager
def _damage_as_bad_input(path: Path) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, OSError, TypeError, KeyError, ValueError) as error:
        raise BadInput(
            f"{path} is damaged ({error}). Delete the folder {path.parent} and run the same command, "
            "which then repeats the stage."
        ) from error


@dataclass(frozen=True)
class Tensors:
    """Weights, with or without optimizer moments, under the names of `MaskedTrainer.tensors`.

    Attributes:
        values: `model.*`, `exp_avg.*`, `exp_avg_sq.*`.
        optimizer_steps: steps that the moments have averaged over; 0 without moments.
    """

    values: Mapping[str, Tensor]
    optimizer_steps: int = 0


@dataclass(frozen=True)
class Order:
    """The order of training examples that a training goes through.

    Attributes:
        stream: names it, with the run's seed.
        steps: how many of its batches were taken before.
    """

    stream: str
    steps: int = 0


@dataclass(frozen=True)
class Origin:
    """Where a state comes from, in plain data, so that another process can read the same state.

    Attributes:
        kind: the "pretrained" encoder; the shared "dense" model; what a "stage" of the run left; what another
            run "rewound" to; or, of other states, "fresh" without moments or "mixed" from a head and an
            encoder.
        stage: the stage's name; of a rewind point, the other run's folder.
        of: the other states.
    """

    kind: Literal["pretrained", "dense", "stage", "rewound", "fresh", "mixed"]
    stage: str = ""
    of: tuple["Origin", ...] = ()

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Origin":
        """The origin that `asdict` made into `plain`."""
        return cls(plain["kind"], plain["stage"], tuple(map(cls.from_plain, plain["of"])))


@dataclass(frozen=True)
class StageState:
    """The `engines.State` of the bench: read from disk only when it is used.

    Attributes:
        read: returns the tensors.
        prunable: names of the prunable matrices, in the model's order.
        origin: how another process makes the same state.
        order: the order that training from here continues; None for a new one.
    """

    read: Callable[[], Tensors]
    prunable: tuple[str, ...]
    origin: Origin
    order: Order | None = None

    @classmethod
    def of_file(cls, path: Path, prunable: tuple[str, ...], origin: Origin) -> "StageState":
        """The state that a stage left in a file."""

        def read() -> Tensors:
            values, facts = read_tensors(path)
            return Tensors(values, facts["optimizer_steps"])

        return cls(read, prunable, origin)

    @property
    def weights(self) -> dict[str, Tensor]:
        """The prunable matrices, in the model's order."""
        values = self.read().values
        return {name: values[f"model.{name}"] for name in self.prunable}

    def in_order(self, order: Order) -> "StageState":
        """This state, from which training continues an order of examples."""
        return replace(self, order=order)

    def with_encoder_of(self, other: "StageState") -> "StageState":
        """This state's head on the encoder of `other`, with a fresh optimizer.

        The encoder is the whole base model, the pooler included, as in Chen et al.'s code, which resets all
        of `bert.*`.
        """
        base = f"model.{self.prunable[0].split('.')[0]}."

        def mix() -> Tensors:
            own, others = self.read().values, other.read().values
            return Tensors(
                {name: (others if name.startswith(base) else own)[name] for name in _weight_names(own)}
            )

        return StageState(mix, self.prunable, Origin("mixed", of=(self.origin, other.origin)))

    def fresh(self) -> "StageState":
        """These weights with a fresh optimizer."""
        origin = Origin("fresh", of=(self.origin,))
        return StageState(lambda: Tensors(_weights_of(self.read().values)), self.prunable, origin)


def kept_stages(folder: RunFolder) -> tuple[Stage, ...]:
    """The stages whose weights are there, by name: levels and particles of a run with `keep_weights`."""
    return tuple(sorted(folder.stages_with_states()))


def stage_weights(folder: RunFolder, stage: str) -> dict[str, Tensor]:
    """Parameters and buffers that a stage left, by their names in the model.

    Raises:
        BadInput: the run did not keep them.
    """
    path = folder.stage(stage).state
    if not path.exists():
        kept = ", ".join(kept_stages(folder)) or "none"
        raise BadInput(
            f"run {folder.root.name} has no weights of stage {stage} (kept: {kept}). A complete run keeps "
            "weights of levels only if asked to: delete its folder and make it again with --keep-weights."
        )
    values, _ = read_tensors(path)
    return {name.removeprefix("model."): values[name] for name in _weight_names(values)}


def strip_moments(folder: RunFolder) -> None:
    """Removes the optimizer moments from the states of a run, two thirds of their size."""
    for stage in folder.stages_with_states():
        path = folder.stage(stage).state
        values, facts = read_tensors(path)
        if len(_weight_names(values)) < len(values):
            write_tensors(path, _weights_of(values), facts | {"optimizer_steps": 0})


def _weights_of(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values[name] for name in _weight_names(values)}


def _weight_names(values: Mapping[str, Tensor]) -> list[str]:
    return [name for name in values if name.startswith("model.")]
