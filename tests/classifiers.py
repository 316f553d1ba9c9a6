"""A classifier of one's own, fine-tuned by the Trainer of plain transformers, and a task that it learns."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

from workbench.randomness import numpy_generator, seeded_globals
from workbench.tasks import SOURCES, Source, Task, add_source

NOUNS = ("film", "game", "music", "story", "night", "book")
GOOD, BAD = ("good", "best", "great", "love"), ("bad", "lost", "poor", "dark")
# In another order than the task's, and written differently.
NAMES = {0: "Positive", 1: "NEGATIVE"}


def films(name: str) -> Task:
    """Sentences of which one of eight words decides the class."""
    pairs = [(first, second) for first in NOUNS for second in NOUNS]
    rows = [
        (f"the {first} was {word} and so was the {second}", int(word in GOOD))
        for word in GOOD + BAD
        for first, second in pairs
    ]
    frame = pd.DataFrame(rows, columns=["text", "label"])
    frame = frame.iloc[numpy_generator("films").permutation(len(frame))].reset_index(drop=True)
    labels = ("negative", "positive")
    return Task(f"toy/{name}", ("text",), labels, ("accuracy",), 16, frame[30:], {"validation": frame[:30]})


@contextmanager
def films_known() -> Iterator[None]:
    """Registers toy/films and toy/plays, two tasks with the same rows, for a while."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_items", "_owners"):
            patch.setattr(SOURCES, name, dict(getattr(SOURCES, name)))
        add_source("toy", Source(tasks=("films", "plays"), load=films))
        yield


def fine_tune(encoder: Path, folder: Path, steps: int = 60) -> Path:
    """Fine-tunes an encoder on toy/films with its classes the other way around, and saves it to `folder`."""
    train, tokenizer = films("films").train, AutoTokenizer.from_pretrained(encoder)
    examples = [
        {**tokenizer(text, truncation=True, max_length=32), "labels": 1 - label}
        for text, label in train.itertuples(index=False)
    ]
    arguments = TrainingArguments(
        str(folder / "checkpoints"),
        max_steps=steps,
        per_device_train_batch_size=32,
        learning_rate=2e-3,
        lr_scheduler_type="constant",
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
    )
    with seeded_globals("tests", "own classifier"):
        model = AutoModelForSequenceClassification.from_pretrained(
            encoder, id2label=NAMES, label2id={name: number for number, name in NAMES.items()}
        )
        Trainer(model, arguments, DataCollatorWithPadding(tokenizer), examples).train()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@torch.no_grad()
def logits(folder: Path, texts: list[str]) -> torch.Tensor:
    """What a saved classifier says about texts, in plain transformers."""
    model, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    return model.eval()(**tokenizer(texts, padding=True, truncation=True, return_tensors="pt")).logits
