"""Tensor files with a few facts about them, and the states that stages hand to each other."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from workbench.errors import BadInput
from workbench.files import write_atomic


def content_digest(tensors: Mapping[str, Tensor]) -> str:
    """Sixteen hex digits of the SHA-256 of names and bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        values = tensors[name].detach().cpu().contiguous()
        digest.update(name.encode())
        digest.update(values.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: dict[str, Any]) -> None:
    """Writes tensors and JSON facts as one safetensors file, atomically."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    about = json.dumps(about | {"digest": content_digest(contiguous)})
    write_atomic(path, lambda part: save_file(contiguous, part, metadata={"about": about}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_tensors` wrote.

    Raises:
        BadInput: the file is missing, truncated or edited; says how to go on without it.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            about = json.loads(file.metadata()["about"])
        if content_digest(tensors) != about.pop("digest"):
            raise ValueError("its content does not match its digest")
    except (SafetensorError, OSError, TypeError, KeyError, ValueError) as error:
        raise BadInput(
            f"{path} is damaged ({error}). Delete the folder {path.parent} and run the same command: "
            "the stage is then done again."
        ) from error
    return tensors, about


@dataclass(frozen=True)
class Tensors:
    """Weights, perhaps with optimizer moments, in the names of `MaskedTrainer.tensors`.

    Attributes:
        values: `model.*`, `exp_avg.*`, `exp_avg_sq.*`.
        optimizer_steps: what the moments have averaged over; 0 where there are none.
    """

    values: Mapping[str, Tensor]
    optimizer_steps: int = 0


@dataclass(frozen=True)
class StageState:
    """The `engines.State` of the bench: read from disk when it is used, not before.

    Attributes:
        read: gives the tensors.
        prunable: names of the prunable matrices, in the model's order.
    """

    read: Callable[[], Tensors]
    prunable: tuple[str, ...]

    @classmethod
    def of_file(cls, path: Path, prunable: tuple[str, ...]) -> "StageState":
        """The state that a stage left in a file."""

        def read() -> Tensors:
            values, about = read_tensors(path)
            return Tensors(values, about["optimizer_steps"])

        return cls(read, prunable)

    @property
    def weights(self) -> dict[str, Tensor]:
        """The prunable matrices, in the model's order."""
        values = self.read().values
        return {name: values[f"model.{name}"] for name in self.prunable}

    def with_encoder_of(self, other: "StageState") -> "StageState":
        """This state's head on the encoder of `other`, with a fresh optimizer.

        The encoder is all of the base model, the pooler included, as in Chen et al.'s code, where all of
        `bert.*` returns.
        """
        base = self.prunable[0].split(".")[0]

        def mix() -> Tensors:
            mine, theirs = _weights_of(self.read()), _weights_of(other.read())
            head = {name: value for name, value in mine.items() if not name.startswith(f"model.{base}.")}
            return Tensors(theirs | head)

        return StageState(mix, self.prunable)

    def fresh(self) -> "StageState":
        """These weights with a fresh optimizer."""
        return StageState(lambda: Tensors(_weights_of(self.read())), self.prunable)


def _weights_of(tensors: Tensors) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.values.items() if name.startswith("model.")}
