"""Each family of docs/models.md: its prunable matrices, a short training under a mask, and reloading it."""

import json
import shutil
from dataclasses import replace
from math import prod

import pytest
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoTokenizer

from tests.families import FAMILIES, Family, prunable_on_meta, table
from workbench.errors import BadInput
from workbench.masks import matrix_type, topk_mask
from workbench.models import (
    forward_flops,
    load_classifier,
    load_encoder,
    load_tokenizer,
    prunable,
    save_model,
)
from workbench.randomness import torch_generator
from workbench.scores import magnitude
from workbench.training import Distillation, MaskedTrainer, TrainingConfig, saliency

by_name = pytest.mark.parametrize("family", FAMILIES, ids=str)


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
    for weights in (dict(again.named_parameters()), load_file(tmp_path / "pruned" / "model.safetensors")):
        assert all(torch.count_nonzero(weights[name][~mask[name]]) == 0 for name in mask)
    (batch,) = batches(family, 1)
    del batch["labels"]
    with torch.no_grad():
        torch.testing.assert_close(again(**batch).logits, model.eval()(**batch).logits, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(
    "family", [*FAMILIES, replace(FAMILIES[-1], name="DeiT with a teacher", suffix="WithTeacher")], ids=str
)
def test_a_classifier_gets_the_tasks_order_of_classes(family, words, tmp_path):
    source = family.save_tiny(tmp_path, words, outputs=3, id2label={0: "Bad", 1: "so-so", 2: "good"})
    (batch,) = batches(family, 1)
    del batch["labels"]
    before = load_encoder(source, 3, 0).eval()(**batch).logits
    found = load_classifier(source, "toy/films", ("good", "bad", "so so"))
    torch.testing.assert_close(found.model.eval()(**batch).logits, before[:, [2, 0, 1]], rtol=0, atol=1e-6)
    assert found.matched == "by name"
    assert found.model.config.id2label == {0: "good", 1: "Bad", 2: "so-so"}
    other = load_classifier(source, "toy/films", ("good", "bad", "ugly"))
    assert (other.matched, other.names) == ("by number", ("Bad", "so-so", "good"))
    torch.testing.assert_close(other.model.eval()(**batch).logits, before, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "gpt2"}, r"\(gpt2\) is a decoder: .* perplexity .* Choose an encoder"),
        ({"model_type": "bert", "is_decoder": True}, r"\(bert\) is a decoder"),
        ({"model_type": "t5"}, r"\(t5\) is an encoder with a decoder"),
    ],
)
def test_decoders_are_refused_with_the_reason(config, message, tiny_model_dir, tmp_path):
    folder = shutil.copytree(tiny_model_dir, tmp_path / "model")
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match=message):
        load_encoder(str(folder), 2, 0)


def test_a_pattern_chooses_other_weights_and_stays_with_the_model(tiny_model_dir, tmp_path):
    model = load_encoder(str(tiny_model_dir), 2, 0, pattern=r"pooler|layer\.1\..*query")
    names = {"bert.encoder.layer.1.attention.self.query.weight", "bert.pooler.dense.weight"}
    assert prunable(model).keys() == names
    save_model(model, load_tokenizer(str(tiny_model_dir)), tmp_path / "saved")
    assert prunable(load_encoder(str(tmp_path / "saved"), 2, 0)).keys() == names
    with pytest.raises(
        BadInput, match=r"'querry', which matches none of the 14 matrices.* such as bert\.encoder"
    ):
        load_encoder(str(tiny_model_dir), 2, 0, pattern="querry")


def test_an_encoder_of_another_family_needs_a_pattern(words, tmp_path):
    sizes = {"d_model": 16, "d_inner": 32, "n_head": 2, "d_head": 8, "block_sizes": [1]}
    funnel = Family("Funnel", "Funnel", sizes, layer=None)
    source = funnel.save_tiny(tmp_path, words, outputs=2)
    with pytest.raises(BadInput, match=r"no linear matrices in layers whose names we know.*--prunable"):
        load_encoder(source, 2, 0)
    assert len(prunable(load_encoder(source, 2, 0, pattern=r"blocks\.\d+"))) == 6


def test_flops_of_a_vision_transformer_follow_from_its_patches(words, tmp_path):
    """A class token and four patches, in DeiT one token more."""
    for name, tokens in (("ViT", 5), ("DeiT", 6)):
        (family,) = (family for family in FAMILIES if family.name == name)
        model = load_encoder(family.save_tiny(tmp_path / name, words, outputs=2), 2, 0)
        layer = 4 * 16 * 16 + 2 * 16 * 32 + 2 * 16 * tokens
        assert forward_flops(model, batch=3, length=8 * 8) == 2 * 3 * tokens * layer


def test_flops_count_a_shared_matrix_once_for_each_layer_that_applies_it(words, tmp_path):
    (albert,) = (family for family in FAMILIES if family.shared)
    shared = {"num_hidden_layers": 3, "num_hidden_groups": 2, "inner_group_num": 2}
    model = load_encoder(albert.save_tiny(tmp_path, words, outputs=2, **shared), 2, 0)
    applied = []
    for name, module in model.named_modules():
        if f"{name}.weight" in prunable(model):
            module.register_forward_hook(lambda module, *_: applied.append(module.weight.numel()))
    (batch,) = batches(albert, 1)
    model(**batch)
    assert len(applied) == 3 * 2 * 6
    assert forward_flops(model, batch=3, length=7) == 2 * 3 * 7 * (sum(applied) + 2 * 3 * 2 * 16 * 7)


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
