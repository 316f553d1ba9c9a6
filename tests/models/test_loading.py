import shutil

import pytest
import torch
from transformers import (
    AlbertConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    RobertaConfig,
)

from workbench.errors import BadInput
from workbench.models import (
    MINILM,
    forward_flops,
    load_encoder,
    load_tokenizer,
    locate,
    location,
    prunable,
    save_model,
)


def on_meta(config):
    with torch.device("meta"):
        return AutoModelForSequenceClassification.from_config(config)


def test_bert_base_has_72_prunable_matrices():
    weights = prunable(on_meta(BertConfig()))
    assert len(weights) == 72
    assert sum(weight.numel() for weight in weights.values()) == 84_934_656
    assert next(iter(weights)) == "bert.encoder.layer.0.attention.self.query.weight"


@pytest.mark.parametrize(
    ("config", "count"), [(RobertaConfig, 72), (ElectraConfig, 72), (DistilBertConfig, 36), (AlbertConfig, 6)]
)
def test_other_families_have_the_expected_matrices(config, count):
    names = prunable(on_meta(config())).keys()
    assert len(names) == count
    assert not any(word in name for name in names for word in ("embedding", "Norm", "pooler", "classifier"))


def test_tied_parameters_count_once(tiny_model_dir):
    model = load_encoder(str(tiny_model_dir), outputs=2, seed=0)
    count = len(prunable(model))
    first, second = model.bert.encoder.layer[0], model.bert.encoder.layer[1]
    second.intermediate.dense.weight = first.intermediate.dense.weight
    assert len(prunable(model)) == count - 1


def test_the_packaged_minilm_is_located_and_checked(minilm, tmp_path, monkeypatch):
    assert locate(MINILM) == str(minilm)
    edited = tmp_path / "model"
    shutil.copytree(minilm, edited)
    with (edited / "model.safetensors").open("r+b") as file:
        file.seek(5_000_000)
        file.write(b"edited")
    with pytest.raises(BadInput, match=r"has sha256 [0-9a-f]{64}, expected 53aa51.*Reinstall"):
        location._checked_minilm(edited)


def test_the_head_depends_only_on_the_seed(tiny_model_dir):
    left, right, other = (load_encoder(str(tiny_model_dir), outputs=3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(left.classifier.weight, right.classifier.weight)
    assert not torch.equal(left.classifier.weight, other.classifier.weight)
    assert left.classifier.weight.shape == (3, 32)
    assert left.dtype == torch.float32
    assert left.training


def test_attentions_are_available(tiny_model_dir):
    model = load_encoder(str(tiny_model_dir), outputs=2, seed=0)
    inputs = load_tokenizer(str(tiny_model_dir))("a word", return_tensors="pt")
    assert all(a is not None for a in model(**inputs, output_attentions=True).attentions)


@pytest.mark.parametrize(
    ("model_id", "message"),
    [
        ("./nowhere", "model folder ./nowhere does not exist"),
        ("/no/such/folder", "does not exist"),
        ("google-bert/bert-base-uncased", r"HF_HUB_OFFLINE.*give a folder.*offline.*try again"),
    ],
)
def test_a_missing_model_is_reported_with_the_remedy(model_id, message):
    with pytest.raises(BadInput, match=message):
        load_encoder(model_id, outputs=2, seed=0)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer_config.json"])
def test_an_incomplete_folder_is_named(tiny_model_dir, tmp_path, missing):
    shutil.copytree(tiny_model_dir, tmp_path / "model")
    (tmp_path / "model" / missing).unlink()
    with pytest.raises(BadInput, match=f"lacks {missing}"):
        locate(str(tmp_path / "model"))


def test_a_truncated_checkpoint_is_rejected(tiny_model_dir, tmp_path):
    shutil.copytree(tiny_model_dir, tmp_path / "model")
    checkpoint = tmp_path / "model" / "model.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    with pytest.raises(BadInput, match="does not load"):
        load_encoder(str(tmp_path / "model"), outputs=2, seed=0)


def test_a_checkpoint_without_all_encoder_weights_is_rejected(tiny_model_dir, tmp_path):
    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny_model_dir, tmp_path / "model")
    checkpoint = tmp_path / "model" / "model.safetensors"
    tensors = {name: tensor for name, tensor in load_file(checkpoint).items() if "layer.1" not in name}
    save_file(tensors, checkpoint, metadata={"format": "pt"})
    with pytest.raises(BadInput, match="lacks 6 encoder weights"):
        load_encoder(str(tmp_path / "model"), outputs=2, seed=0)


def test_a_damaged_tokenizer_is_rejected(tiny_model_dir, tmp_path):
    shutil.copytree(tiny_model_dir, tmp_path / "model")
    words = tmp_path / "model" / "tokenizer.json"
    words.write_text(words.read_text()[:-1000])
    with pytest.raises(BadInput, match=r"the tokenizer of model .* does not load"):
        load_tokenizer(str(tmp_path / "model"))


def test_a_tokenizer_without_a_vocabulary_is_rejected(tiny_model_dir, tmp_path):
    shutil.copytree(tiny_model_dir, tmp_path / "model")
    for name in ("tokenizer.json", "vocab.txt"):
        (tmp_path / "model" / name).unlink(missing_ok=True)
    with pytest.raises(BadInput, match="has no vocabulary, only"):
        load_tokenizer(str(tmp_path / "model"))


def test_a_head_of_another_size_is_replaced_and_one_of_the_same_size_is_kept(tiny_model_dir, tmp_path):
    model = load_encoder(str(tiny_model_dir), outputs=3, seed=5)
    save_model(model, load_tokenizer(str(tiny_model_dir)), tmp_path / "model")
    assert load_encoder(str(tmp_path / "model"), outputs=2, seed=0).classifier.weight.shape == (2, 32)
    kept = load_encoder(str(tmp_path / "model"), outputs=3, seed=0)
    assert torch.equal(kept.classifier.weight, model.classifier.weight)


def test_flops_of_a_forward_pass_match_the_closed_form(tiny_model_dir):
    model = load_encoder(str(tiny_model_dir), outputs=2, seed=0)
    linear = 2 * (4 * 32 * 32 + 2 * 32 * 64)
    attention = 2 * 2 * 32 * 7
    assert forward_flops(model, batch=3, length=7) == 2 * 3 * 7 * (linear + attention)
