"""Models and images small enough to train in milliseconds, made on demand."""

from io import BytesIO
from itertools import chain
from pathlib import Path
from string import ascii_lowercase, digits

import numpy as np
import pandas as pd
from PIL import Image

from workbench.randomness import numpy_generator, seeded_globals

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = 2000


def save_tiny_model(folder: Path, words: Path, hidden: int = 32) -> Path:
    """Writes a 2-layer BertModel (2 heads, ffn twice as wide as hidden) and its tokenizer to `folder`.

    Args:
        folder: created by this function, in the layout of `save_pretrained`.
        words: a WordPiece `vocab.txt` ordered by frequency; its most frequent words become the
            vocabulary, and the others are spelt with single letters.
        hidden: width of the hidden states.
    """
    from transformers import BertConfig, BertModel, BertTokenizer

    vocab = _small_vocabulary(words.read_text(encoding="utf-8").split())
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * hidden,
        max_position_embeddings=128,
    )
    with seeded_globals("tests", "tiny model"):
        model = BertModel(config)
    model.save_pretrained(folder)
    BertTokenizer(vocab=vocab, model_max_length=128).save_pretrained(folder)
    return folder


def _small_vocabulary(words: list[str]) -> dict[str, int]:
    letters = ascii_lowercase + digits
    spelling = chain(letters, (f"##{character}" for character in letters), ".,;:!?'\"()-")
    common = words[words.index("the") :][:WORDS]
    return {token: index for index, token in enumerate(dict.fromkeys(chain(SPECIAL, spelling, common)))}


def save_tiny_resnet(folder: Path) -> Path:
    """Writes an untrained CIFAR ResNet-8 with 4, 8 and 16 channels and 10 classes to `folder`."""
    from workbench.models.resnet import CifarResNet, CifarResNetConfig

    config = CifarResNetConfig(embedding_size=4, hidden_sizes=[4, 8, 16], depths=[1, 1, 1], num_labels=10)
    with seeded_globals("tests", "tiny resnet"):
        CifarResNet(config).save_pretrained(folder)
    return folder


def save_tiny_cifar10(folder: Path, sizes: dict[str, int]) -> Path:
    """Writes noisy 32 x 32 images, brighter for higher classes, in the Hub's layout of CIFAR-10.

    Args:
        folder: created by this function.
        sizes: number of images in "train" and "test".
    """
    (folder / "plain_text").mkdir(parents=True)
    for split, count in sizes.items():
        rng = numpy_generator("tests", "tiny cifar10", split)
        labels = np.arange(count) % 10
        images = 20 * labels[:, None, None, None] + rng.integers(0, 60, (count, 32, 32, 3))
        cells = [{"bytes": png(image.astype(np.uint8)), "path": None} for image in images]
        frame = pd.DataFrame({"img": cells, "label": labels})
        frame.to_parquet(folder / "plain_text" / f"{split}-00000-of-00001.parquet")
    return folder


def png(pixels: np.ndarray) -> bytes:
    """The PNG file of a uint8 array, (h, w) or (h, w, 3)."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
