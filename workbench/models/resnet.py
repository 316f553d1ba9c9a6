"""ResNets: the transformers library's, and its variant for CIFAR (He et al. 2016, arXiv 1512.03385)."""

import re
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel, ResNetConfig, ResNetForImageClassification
from transformers.models.resnet.modeling_resnet import ResNetConvLayer, ResNetShortCut

from workbench.models.location import RESNET20, UNTRAINED

_PUBLISHED_NAME = re.compile(r"layer(\d)\.(\d+)\.(conv|bn)(\d)\.(\w+)")
_PARTS = {"conv": "convolution", "bn": "normalization"}


class CifarResNetConfig(ResNetConfig):
    """Section 4.2 of the paper: 6n + 2 layers with 16, 32 and 64 channels; `depths` sets n, by default 3."""

    model_type: ClassVar[str] = "cifar-resnet"

    embedding_size: int = 16
    hidden_sizes: list[int] | tuple[int, ...] | None = (16, 32, 64)
    depths: list[int] | tuple[int, ...] | None = (3, 3, 3)
    layer_type: str = "basic"


class ZeroPadding(nn.Module):
    """The parameter-free shortcut ("option A"): every second pixel, and zeros for the new channels."""

    def __init__(self, new_channels: int):
        super().__init__()
        self.new_channels = new_channels

    def forward(self, images: Tensor) -> Tensor:
        """Maps (batch, channels, h, w) to (batch, channels + new_channels, h / 2, w / 2)."""
        before = self.new_channels // 2
        return F.pad(images[:, :, ::2, ::2], (0, 0, 0, 0, before, self.new_channels - before))


class CifarResNet(ResNetForImageClassification):
    """A ResNet for images of 32 x 32 pixels.

    It differs from the library's in its stem, a single 3 x 3 convolution without pooling, and in its
    shortcuts. With n = 3 it is ResNet-20, with 269,722 parameters.
    """

    config_class = CifarResNetConfig

    def __init__(self, config: CifarResNetConfig):
        super().__init__(config)
        stem = self.resnet.embedder
        stem.embedder = ResNetConvLayer(config.num_channels, config.embedding_size)
        stem.pooler = nn.Identity()
        for stage in self.resnet.encoder.stages:
            first = stage.layers[0]
            if isinstance(first.shortcut, ResNetShortCut):
                kernels = first.shortcut.convolution
                first.shortcut = ZeroPadding(kernels.out_channels - kernels.in_channels)
        self.post_init()


def load_resnet(source: str, outputs: int | None, local_files_only: bool) -> tuple[PreTrainedModel, dict]:
    """Loads a float32 ResNet; also returns its checkpoint's `missing_keys` and `mismatched_keys`.

    Args:
        source: the result of `locate`: an id in `UNTRAINED`, a bare checkpoint file, a folder or a Hub id.
        outputs: output size of the head; None for that of the checkpoint.
        local_files_only: do not contact the Hub.
    """
    if source in UNTRAINED:
        return _untrained(source, outputs), {"missing_keys": (), "mismatched_keys": ()}
    options = {
        "dtype": torch.float32,
        "ignore_mismatched_sizes": True,  # for a head of another size
        "output_loading_info": True,
        "local_files_only": local_files_only,
    }
    if Path(source).is_file():
        tensors, blocks = _published(source)
        config = CifarResNetConfig(
            depths=[blocks] * 3, num_labels=outputs or len(tensors["classifier.1.weight"])
        )
        return CifarResNet.from_pretrained(None, config=config, state_dict=tensors, **options)
    plain, _ = ResNetConfig.get_config_dict(source, local_files_only=local_files_only)
    is_ours = plain["model_type"] == CifarResNetConfig.model_type
    family = CifarResNet if is_ours else ResNetForImageClassification
    return family.from_pretrained(source, **options if outputs is None else options | {"num_labels": outputs})


def _untrained(name: str, outputs: int) -> PreTrainedModel:
    if name == RESNET20:
        return CifarResNet(CifarResNetConfig(num_labels=outputs))
    config = ResNetConfig(
        hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic", num_labels=outputs
    )
    return ResNetForImageClassification(config)


def _published(path: str) -> tuple[dict[str, Tensor], int]:
    """The tensors of a checkpoint with the names of the public CIFAR ResNets, and its blocks per stage."""
    tensors = {_library_name(name): tensor for name, tensor in load_file(path).items()}
    blocks = [int(match[1]) for name in tensors if (match := re.search(r"\.layers\.(\d+)\.", name))]
    if not blocks:
        raise ValueError("it has no tensors such as layer1.0.conv1.weight")
    return tensors, max(blocks) + 1


def _library_name(name: str) -> str:
    if match := _PUBLISHED_NAME.fullmatch(name):
        stage, block, kind, number, value = match.groups()
        layer = f"layers.{block}.layer.{int(number) - 1}.{_PARTS[kind]}"
        return f"resnet.encoder.stages.{int(stage) - 1}.{layer}.{value}"
    kind, _, value = name.partition(".")
    stem = "resnet.embedder.embedder"
    outer = {"conv1": f"{stem}.convolution", "bn1": f"{stem}.normalization", "linear": "classifier.1"}
    return f"{outer.get(kind, kind)}.{value}"
