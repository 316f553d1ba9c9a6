"""A BERT small enough to train in milliseconds, made on the spot."""

from itertools import chain
from pathlib import Path
from string import ascii_lowercase, digits

from workbench.randomness import seeded_globals

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = 2000


def save_tiny_model(folder: Path, words: Path) -> Path:
    """Writes a 2-layer BertModel (hidden 32, 2 heads, ffn 64) and its tokenizer to `folder`.

    Args:
        folder: made by this function, in the layout of `save_pretrained`.
        words: a WordPiece `vocab.txt` ordered by frequency; its commonest words become the vocabulary,
            and single letters spell the others.
    """
    from transformers import BertConfig, BertModel, BertTokenizer

    vocab = _small_vocabulary(words.read_text(encoding="utf-8").split())
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
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
