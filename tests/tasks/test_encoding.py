import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoTokenizer

from workbench.tasks import Task, encode
from workbench.tasks.glue import SCHEMAS


@pytest.fixture(scope="module")
def tokenizer(minilm):
    return AutoTokenizer.from_pretrained(minilm)


def pairs(second: list[str]) -> tuple[Task, pd.DataFrame]:
    frame = pd.DataFrame({"sentence1": ["the cat sat", "hello", "one two three"], "sentence2": second})
    frame["label"] = [1, 0, 1]
    return Task.of("glue/mrpc", SCHEMAS["mrpc"], {"train": frame, "validation": frame}), frame


def test_a_batch_equals_the_tokenizers_own_padding(tokenizer):
    task, frame = pairs(["a dog", "a much longer sentence than that", "four"])
    encoded = encode(task, frame, tokenizer)
    batch = encoded.collate(np.array([2, 1]))
    rows = frame.iloc[[2, 1]]
    expected = tokenizer(
        rows["sentence1"].tolist(), rows["sentence2"].tolist(), padding="longest", return_tensors="pt"
    )
    for name in ("input_ids", "token_type_ids", "attention_mask"):
        assert torch.equal(batch[name], expected[name])
        assert batch[name].dtype == torch.int64
    assert batch["labels"].tolist() == [1, 0]
    assert batch["labels"].dtype == torch.int64


def test_a_batch_is_padded_only_to_its_longest_example(tokenizer):
    task, frame = pairs(["a", "b c d e f g h i", "a"])
    encoded = encode(task, frame, tokenizer)
    assert len(encoded) == 3
    assert encoded.collate(np.array([0, 2]))["input_ids"].shape == (2, encoded.lengths[[0, 2]].max())
    assert encoded.lengths.max() == encoded.lengths[1] > encoded.lengths[0]


def test_examples_are_truncated_to_the_maximum_length(tokenizer):
    task, frame = pairs(["word " * 300, "a", "a"])
    encoded = encode(task, frame, tokenizer)
    assert encoded.lengths[0] == task.max_length == 128
    assert encoded.input_ids[0][-1] == tokenizer.sep_token_id
    assert encoded.token_type_ids[0].tolist() == [0] * 5 + [1] * 123


def test_single_sentences_and_regression_targets_are_encoded(tokenizer):
    frame = pd.DataFrame({"sentence": ["hello there"], "label": [0]})
    task = Task.of("glue/cola", SCHEMAS["cola"], {"train": frame, "validation": frame})
    assert encode(task, frame, tokenizer).token_type_ids[0].tolist() == [0, 0, 0, 0]

    _, frame = pairs(["a", "b", "c"])
    frame["label"] = np.array([0.0, 2.5, 5.0], dtype=np.float32)
    task = Task.of("glue/stsb", SCHEMAS["stsb"], {"train": frame, "validation": frame})
    labels = encode(task, frame, tokenizer).collate(np.array([1, 2]))["labels"]
    assert labels.dtype == torch.float32
    assert labels.tolist() == [2.5, 5.0]
