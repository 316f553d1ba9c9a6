"""Tokenises the rows of a split, once per split."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from workbench.tasks.task import Task

if TYPE_CHECKING:  # transformers takes a while to import
    from transformers import PreTrainedTokenizerBase

# Rows per call. A tokenizer's own result takes about a hundred bytes per token: gigabytes for all of mnli.
_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Encoded:
    """A tokenised split; example i is row i of its frame.

    Attributes:
        input_ids: n int32 arrays, with special tokens, without padding.
        token_type_ids: n int8 arrays of the same lengths, 1 in the second sentence; None for encoders without
            token types.
        lengths: (n,) int64, tokens in each example.
        labels: (n,) int64 classes, or float32 targets for regression.
        pad_id: id of the tokenizer's padding token.
    """

    input_ids: list[np.ndarray]
    token_type_ids: list[np.ndarray] | None
    lengths: np.ndarray
    labels: np.ndarray
    pad_id: int

    def __len__(self) -> int:
        return len(self.input_ids)

    def digest(self) -> str:
        """Sixteen hex digits of a digest of the model's inputs, without the labels."""
        digest = hashlib.sha256(self.lengths)
        for row in (*self.input_ids, *(self.token_type_ids or ())):
            digest.update(row)
        return digest.hexdigest()[:16]

    def collate(self, indices: np.ndarray) -> dict[str, torch.Tensor]:
        """Collates one batch, padded on the right to its longest example.

        Args:
            indices: (b,) indices of the examples.

        Returns:
            input_ids, attention_mask and, if the encoder has them, token_type_ids, each (b, longest) int64;
            labels (b,), int64 or float32.
        """
        shape = (len(indices), int(self.lengths[indices].max()))
        input_ids = np.full(shape, self.pad_id, dtype=np.int64)
        attention_mask = np.zeros(shape, dtype=np.int64)
        batch = {"input_ids": input_ids, "attention_mask": attention_mask}
        if self.token_type_ids is not None:
            batch["token_type_ids"] = np.zeros(shape, dtype=np.int64)
        for row, index in enumerate(indices):
            length = self.lengths[index]
            input_ids[row, :length] = self.input_ids[index]
            attention_mask[row, :length] = 1
            if self.token_type_ids is not None:
                batch["token_type_ids"][row, :length] = self.token_type_ids[index]
        batch["labels"] = self.labels[indices]
        return {name: torch.from_numpy(array) for name, array in batch.items()}


def encode(task: Task, frame: pd.DataFrame, tokenizer: "PreTrainedTokenizerBase") -> Encoded:
    """Tokenises a split, truncated to `task.max_length` tokens (the longer sentence first), not padded."""
    input_ids: list[np.ndarray] = []
    types: list[np.ndarray] = []
    for start in range(0, len(frame), _ROWS):
        rows = frame.iloc[start : start + _ROWS]
        tokens = tokenizer(
            *(rows[column].tolist() for column in task.inputs),
            truncation=True,
            max_length=task.max_length,
            padding=False,
            return_attention_mask=False,
        )
        input_ids += [np.asarray(ids, dtype=np.int32) for ids in tokens["input_ids"]]
        types += [np.asarray(row, dtype=np.int8) for row in tokens.get("token_type_ids", ())]
    return Encoded(
        input_ids=input_ids,
        token_type_ids=types or None,
        lengths=np.array([len(ids) for ids in input_ids], dtype=np.int64),
        labels=frame["label"].to_numpy(dtype=np.float32 if task.is_regression else np.int64),
        pad_id=tokenizer.pad_token_id,
    )
