"""Each family of docs/models.md: its prunable matrices, a short training under a mask, and reloading it."""

from math import prod

import pytest
import torch
import transformers
from transformers import AutoTokenizer

from tests.families import FAMILIES, prunable_on_meta, table
from workbench.masks import matrix_type, topk_mask
from workbench.models import load_encoder, load_tokenizer, prunable, save_model
from workbench.randomness import torch_generator
from workbench.scores import magnitude
from workbench.training import Distillation, MaskedTrainer, TrainingConfig, saliency

by_name = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


@pytest.fixture(scope="module")
def words(tiny_model_dir):
    """A tokenizer without token types."""
    return AutoTokenizer.from_pretrained(tiny_model_dir, model_input_names=["input_ids", "attention_mask"])


def batches(family, count):
    """Random batches whose second example is shorter."""
    random = torch_generator("families")
    for _ in range(count):
        labels = torch.tensor([0, 1, 1])
        if family.images:
            yield {"pixel_values": torch.randn(3, 3, 8, 8, generator=random), "labels": labels}
            continue
        tokens = torch.randint(5, 500, (3, 7), generator=random)
        present = torch.ones_like(tokens)
        present[1, 5:] = tokens[1, 5:] = 0
        yield {"input_ids": tokens, "attention_mask": present, "labels": labels}


@by_name
def test_the_prunable_matrices_are_those_of_the_formula(family):
    weights, expected = prunable_on_meta(family), family.matrices(family.config(**family.base))
    assert [(matrix_type(name), tuple(weight.shape)) for name, weight in weights.items()] == expected


def test_the_page_has_the_table_of_these_families(root):
    assert table() in (root / "docs" / "models.md").read_text(), "python -m tests.families prints the table"


@by_name
def test_a_trained_model_keeps_its_zeros_and_loads_in_plain_transformers(family, words, tmp_path):
    source = family.save_tiny(tmp_path / "tiny", words, outputs=2)
    model, teacher = (load_encoder(source, 2, seed) for seed in (0, 1))
    sizes = sum(prod(shape) for _, shape in family.matrices(model.config))
    mask = topk_mask(magnitude(prunable(model)), 0.5)
    assert (mask.numel, mask.kept) == (sizes, sizes // 2)
    config = TrainingConfig(steps=2, lr=1e-3, distillation=Distillation(mode="tinybert"))
    trainer = MaskedTrainer(model, config, key=("a",), mask=mask, teacher=teacher)
    before = {name: weight.detach().clone() for name, weight in prunable(model).items()}
    for batch in batches(family, 2):
        trainer.advance(batch)
    trainer.sparsifier.check()
    assert all(not torch.equal(before[name], weight) for name, weight in prunable(model).items())

    save_model(model, None if family.images else load_tokenizer(source), tmp_path / "pruned")
    kind = "Image" if family.images else "Sequence"
    auto = getattr(transformers, f"AutoModelFor{kind}Classification")
    again = auto.from_pretrained(tmp_path / "pruned").eval()
    weights = dict(again.named_parameters())
    assert all(torch.count_nonzero(weights[name][~mask[name]]) == 0 for name in mask)
    (batch,) = batches(family, 1)
    del batch["labels"]
    with torch.no_grad():
        torch.testing.assert_close(again(**batch).logits, model.eval()(**batch).logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["ALBERT", "ModernBERT", "DeBERTa v2", "DeBERTa v3", "ViT"])
def test_criteria_that_watch_inputs_work(name, words, tmp_path):
    (family,) = (family for family in FAMILIES if family.name == name)
    model = load_encoder(family.save_tiny(tmp_path, words, outputs=2), 2, 0)
    scores = saliency("wanda", prunable(model), seed=0, model=model, batches=batches(family, 2))
    assert all(
        score.shape == weight.shape
        for score, weight in zip(scores.values(), prunable(model).values(), strict=True)
    )
    assert all(score.isfinite().all() and score.any() for score in scores.values())
