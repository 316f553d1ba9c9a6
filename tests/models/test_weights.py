"""Loading only the weights of a model, and computing their size before loading."""

import json
import shutil

import pytest
import torch

from workbench.errors import BadInput
from workbench.models import load_encoder, load_weights, prunable
from workbench.models.weights import parameter_bytes


def test_only_the_prunable_weights_are_loaded(tiny_model_dir):
    weights = load_weights(str(tiny_model_dir))
    expected = prunable(load_encoder(str(tiny_model_dir), 2, 0))
    assert list(weights) == list(expected)
    assert all(torch.equal(weights[name], expected[name]) for name in weights)
    assert not any(weight.requires_grad for weight in weights.values())


def test_the_size_follows_from_the_configuration_alone(tiny_model_dir):
    model = load_encoder(str(tiny_model_dir), 2, 0)
    encoder = sum(p.numel() for name, p in model.named_parameters() if not name.startswith("classifier"))
    assert parameter_bytes(str(tiny_model_dir)) == 4 * encoder


def test_a_model_that_is_too_large_is_rejected_before_it_is_read(tiny_model_dir, tmp_path):
    large = shutil.copytree(tiny_model_dir, tmp_path / "large")
    config = json.loads((large / "config.json").read_text())
    config |= {"hidden_size": 65536, "num_attention_heads": 64, "intermediate_size": 262144}
    (large / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 24}))
    (large / "model.safetensors").write_bytes(b"not read")
    with pytest.raises(BadInput, match=r"takes \d+\.\d GB of memory .* Nothing was loaded"):
        load_weights(str(large))
