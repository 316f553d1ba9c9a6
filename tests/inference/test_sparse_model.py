"""Sparse models answer as dense ones do, in memory and after they were saved."""

import shutil

import pytest
import torch
from safetensors import safe_open
from transformers import ViTConfig, ViTForImageClassification

import workbench as wb
from workbench.compute import SparseLinear
from workbench.errors import BadInput
from workbench.models import load_encoder, load_tokenizer, prunable
from workbench.models.label_words import label_word_classifier
from workbench.randomness import seeded_globals
from workbench.runs import Run


@pytest.fixture(scope="module")
def dense(finished_run):
    return load_encoder(str(finished_run.folder.model), 2, 0).eval()


@pytest.fixture(scope="module")
def inputs(dense):
    ids = torch.randint(5, dense.config.vocab_size, (5, 21), generator=torch.Generator().manual_seed(0))
    attention = torch.ones_like(ids)
    attention[2, 13:] = 0
    return {"input_ids": ids, "attention_mask": attention}


@torch.inference_mode()
def logits(model, inputs):
    return model(**inputs).logits


def sparse_layers(model) -> int:
    return sum(isinstance(module, SparseLinear) for module in model.modules())


def test_a_run_answers_as_its_dense_model_does(finished_run, dense, inputs):
    model = wb.sparse_model(finished_run)
    assert sparse_layers(model) == len(finished_run.mask().names)
    assert not model.training
    assert torch.allclose(logits(model, inputs), logits(dense, inputs), atol=1e-5)
    assert (
        sum(p.numel() for n, p in model.named_parameters() if n.endswith("values"))
        == finished_run.mask().kept
    )


def test_a_model_is_left_as_it_is_and_its_zeros_are_its_mask(finished_run, dense, inputs):
    before = {name: tensor.clone() for name, tensor in dense.state_dict().items()}
    model = wb.sparse_model(dense)
    assert sparse_layers(dense) == 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in dense.state_dict().items())
    assert torch.equal(logits(model, inputs), logits(wb.sparse_model(dense, finished_run.mask()), inputs))


def test_a_matrix_that_is_quicker_dense_stays_dense(finished_run, dense, inputs, overhead, tmp_path):
    mask = finished_run.mask()
    kept, numel = mask.kept_per_matrix(), {name: mask[name].numel() for name in mask.names}
    gains = sorted({numel[name] - kept[name] for name in mask.names})
    overhead(gains[-1] - 0.5)  # only the matrices that gain most are worth it
    model = wb.sparse_model(finished_run)
    names = {f"{name}.weight" for name, layer in model.named_modules() if isinstance(layer, SparseLinear)}
    assert names == {name for name in mask.names if numel[name] - kept[name] == gains[-1]} < set(mask.names)
    assert torch.allclose(logits(model, inputs), logits(dense, inputs), atol=1e-5)
    assert sparse_layers(wb.sparse_model(finished_run, compute="sparse")) == len(mask.names)
    folder = wb.save_sparse(wb.sparse_model(finished_run, compute="sparse"), tmp_path / "saved")
    loaded = wb.sparse_model(folder)
    assert sparse_layers(loaded) == len(names)
    assert torch.equal(logits(loaded, inputs), logits(model, inputs))


def test_bfloat16_changes_outputs_by_rounding_alone(finished_run, dense, inputs):
    model = wb.sparse_model(finished_run, dtype=torch.bfloat16)
    found, expected = logits(model, inputs), logits(dense, inputs)
    assert found.dtype == torch.bfloat16
    assert 0 < (found.float() - expected).abs().max() < 0.05 * expected.abs().max()


def test_a_saved_model_is_loaded_with_equal_bits(finished_run, inputs, tmp_path):
    model = wb.sparse_model(finished_run)
    folder = wb.save_sparse(model, tmp_path / "saved")
    assert torch.equal(logits(wb.sparse_model(folder), inputs), logits(model, inputs))
    (file,) = folder.glob("*.safetensors")
    assert file.stat().st_size < finished_run.folder.model_weights.stat().st_size
    mask = finished_run.mask()
    name = mask.names[0].removesuffix(".weight")
    with safe_open(file, framework="pt") as tensors:
        assert f"{name}.weight" not in set(tensors.keys())
        assert tensors.get_tensor(f"{name}.bits").numel() == -(-mask[mask.names[0]].numel() // 8)
        assert tensors.get_tensor(f"{name}.values").numel() == int(mask[mask.names[0]].sum())


def test_the_export_is_loaded_from_its_folder(finished_run, inputs, tmp_path):
    folder = wb.export(finished_run, "sparse", tmp_path / "sparse")
    assert torch.equal(logits(wb.sparse_model(folder), inputs), logits(wb.sparse_model(finished_run), inputs))
    assert {"config.json", "tokenizer_config.json", "export.json"} <= {path.name for path in folder.iterdir()}


def test_a_classifier_with_label_words_is_saved_and_loaded(dense, tiny_model_dir, inputs, tmp_path):
    tokenizer = load_tokenizer(str(tiny_model_dir))
    model = label_word_classifier(dense, tokenizer, ["good", "bad"], whole_head=False).eval()
    mask = wb.topk_mask({name: weight.detach().abs() for name, weight in prunable(model).items()}, 0.9)
    mask.apply_(model)
    folder = wb.save_sparse(wb.sparse_model(model), tmp_path)
    assert torch.allclose(logits(wb.sparse_model(folder), inputs), logits(model, inputs), atol=1e-5)


def test_what_cannot_be_sparse_is_refused(finished_run, dense, tmp_path):
    with pytest.raises(BadInput, match=r"float32 or bfloat16, not in torch\.float16"):
        wb.sparse_model(finished_run, dtype=torch.float16)
    with pytest.raises(BadInput, match="unknown compute 'dense'"):
        wb.sparse_model(finished_run, compute="dense")
    with pytest.raises(BadInput, match="tokens is 0"):
        wb.sparse_model(finished_run, tokens=0)
    with pytest.raises(BadInput, match="Give a mask with a model only"):
        wb.sparse_model(finished_run, finished_run.mask())
    with pytest.raises(BadInput, match="is no run folder"):
        wb.sparse_model(tmp_path)
    with pytest.raises(BadInput, match="mask of another model"):
        wb.sparse_model(dense, wb.Mask.from_tensors({finished_run.mask().names[0]: torch.ones(2, 2) > 0}))


def test_an_incomplete_run_is_refused(finished_run, tmp_path):
    (tmp_path / finished_run.folder.spec.name).write_text(finished_run.folder.spec.read_text())
    with pytest.raises(BadInput, match="not complete"):
        wb.sparse_model(tmp_path)


def test_a_resnet_is_refused(finished_run, tmp_path):
    run = Run(shutil.copytree(finished_run.path, tmp_path / "run"))
    (run.folder.model / "config.json").write_text('{"model_type": "resnet"}')
    with pytest.raises(BadInput, match="the model of run run has convolutions"):
        wb.sparse_model(run)


def test_a_vision_transformer_is_saved_and_loaded(tmp_path):
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=8,
        patch_size=4,
    )
    with seeded_globals("test"):
        model = ViTForImageClassification(config).eval()
    mask = wb.topk_mask({name: weight.detach().abs() for name, weight in prunable(model).items()}, 0.8)
    mask.apply_(model)
    images = {"pixel_values": torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))}
    folder = wb.save_sparse(wb.sparse_model(model), tmp_path)
    assert sparse_layers(wb.sparse_model(folder)) == len(mask.names)
    assert torch.allclose(logits(wb.sparse_model(folder), images), logits(model, images), atol=1e-5)


def test_a_damaged_file_is_refused_in_one_sentence(finished_run, tmp_path):
    folder = wb.save_sparse(wb.sparse_model(finished_run), tmp_path / "saved")
    (file,) = folder.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(BadInput, match="does not load") as caught:
        wb.sparse_model(folder)
    assert "\n" not in str(caught.value)
