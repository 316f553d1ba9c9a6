"""The prunable weights of a model, and the cost of a forward pass."""

import math
import re
from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from workbench.errors import BadInput

RESNETS = ("resnet", "cifar-resnet")
_ENCODER_LAYER = re.compile(r"\.(layer|layers|albert_layers)\.\d+\.")
# Names within a layer of BERT and its kin, of DistilBERT and of ALBERT.
_FEED_FORWARDS = (
    ("intermediate.dense", "intermediate.intermediate_act_fn", "output.dense"),
    ("ffn.lin1", "ffn.activation", "ffn.lin2"),
    ("ffn", "activation", "ffn_output"),
)
_LAYERS = (nn.Linear, nn.Conv2d)
# Layers of ALBERT share the matrices of their group.
_SHARED_GROUP = re.compile(r"\.albert_layer_groups\.(\d+)\.")
_flops_by_side: WeakKeyDictionary[nn.Module, dict[int, int]] = WeakKeyDictionary()


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The prunable weights by parameter name; tied weights appear once.

    In an encoder these are the linear matrices of its layers: 72 matrices and 84,934,656 weights in bert-base
    (paper A, section 2). Embeddings, LayerNorm, biases, pooler and head are excluded, and so is the
    convolution that embeds a vision transformer's patches. In a ResNet these are all convolution kernels,
    including the first one and those of shortcuts. BatchNorm and the head are excluded, as in the pruning
    code of a SWAMP author; AC/DC's global variant also prunes the head (Peste et al. 2021). `set_prunable`
    chooses others.
    """
    chosen = _layers_chosen_by(model)
    names = {f"{name}.weight" for name, module in model.named_modules() if chosen(name, module)}
    return {name: parameter for name, parameter in model.named_parameters() if name in names}


def set_prunable(model: nn.Module, pattern: str) -> None:
    """Makes the weights of linear and convolution layers whose names match prunable, and no others.

    The pattern becomes part of the model's configuration, so that a saved model keeps it.

    Args:
        model: a model with a `config`.
        pattern: a regular expression, searched for in names such as "bert.pooler.dense.weight".

    Raises:
        BadInput: it matches no such weight.
    """
    layers = [f"{name}.weight" for name, module in model.named_modules() if isinstance(module, _LAYERS)]
    if not any(re.search(pattern, name) for name in layers):
        raise BadInput(
            f"prunable is {pattern!r}, which matches none of the {len(layers)} matrices of this "
            f"{type(model).__name__}. Their names are such as {', '.join(layers[:3])}."
        )
    model.config.prunable = pattern


def embeddings(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a text encoder's embedding layer, including its LayerNorm; empty for a ResNet."""
    return {name: weight for name, weight in model.named_parameters() if ".embeddings." in f".{name}"}


def feed_forwards(model: nn.Module) -> Iterator[tuple[str, str, str]]:
    """The names of the two linear layers of each feed-forward block, with the activation between them."""
    modules = dict(model.named_modules())
    for name in modules:
        for names in _FEED_FORWARDS:
            block = tuple(f"{name}.{part}" for part in names)
            if all(part in modules for part in block):
                yield block


def forward_flops(model: nn.Module, batch: int, length: int) -> int:
    """Floating-point operations of one dense forward pass, counting multiplications and additions separately.

    For an encoder this counts the linear matrices and the two matrix products of attention in its layers. It
    does not count embeddings, LayerNorm, softmax, relative positions and the head, it counts matrices that
    several layers share (ALBERT) once for each layer, and local attention (ModernBERT) like full attention.
    For a ResNet it counts the convolutions. Zeros count like other weights, also where sparse kernels skip
    them, so that costs can be compared.

    Args:
        model: a model from `load_encoder`.
        batch: examples in the batch.
        length: tokens per sequence, including padding, or pixels per (square) image.
    """
    if _is_resnet(model):
        return batch * _convolution_flops(model, math.isqrt(length)) if batch else 0
    if model.main_input_name == "pixel_values":
        length = _image_tokens(model, math.isqrt(length))
    # Not by the weights' sizes: a layer that computes sparsely has fewer, and counts like a dense one.
    linear = sum(
        module.in_features * module.out_features * _applications(model, name)
        for name, module in model.named_modules()
        if _ENCODER_LAYER.search(f"{name}.") and hasattr(module, "in_features")
    )
    config = model.config
    layers = config.num_hidden_layers * getattr(config, "inner_group_num", 1)
    return 2 * batch * length * (linear + 2 * layers * config.hidden_size * length)


def activation_bytes(model: nn.Module, batch: int, length: int) -> int:
    """What a training step of an encoder with eager attention keeps for its backward pass, roughly.

    For L layers of width h with a heads, and b sequences of s tokens, s b h L (34 + 5 a s / h) bytes in
    half precision (Korthikanti et al. 2022, arXiv 2205.05198, equation 1), and twice that in float32, which
    is returned. A ResNet's are not estimated: 0.

    Args:
        model: a model from `load_encoder`.
        batch, length: as in `forward_flops`.
    """
    if _is_resnet(model):
        return 0
    if model.main_input_name == "pixel_values":
        length = _image_tokens(model, math.isqrt(length))
    config = model.config
    tokens = batch * length * config.num_hidden_layers
    return 2 * tokens * (34 * config.hidden_size + 5 * config.num_attention_heads * length)


def _applications(model: nn.Module, name: str) -> int:
    """How often a forward pass uses a module: once, or in ALBERT once for each layer of its group."""
    if (match := _SHARED_GROUP.search(name)) is None:
        return 1
    layers, groups = model.config.num_hidden_layers, model.config.num_hidden_groups
    # The model rounds like this.
    return sum(int(layer / (layers / groups)) == int(match[1]) for layer in range(layers))


def _layers_chosen_by(model: nn.Module) -> Callable[[str, nn.Module], bool]:
    """Whether the weight of a module of a model is prunable, given the module's name."""
    if pattern := getattr(getattr(model, "config", None), "prunable", None):
        return lambda name, module: isinstance(module, _LAYERS) and re.search(pattern, f"{name}.weight")
    if _is_resnet(model):
        return lambda name, module: isinstance(module, nn.Conv2d)
    return lambda name, module: isinstance(module, nn.Linear) and _ENCODER_LAYER.search(f"{name}.")


def _is_resnet(model: nn.Module) -> bool:
    """Whether a model is a ResNet; one without a configuration counts as such if it has convolutions."""
    if (config := getattr(model, "config", None)) is not None:
        return config.model_type in RESNETS
    return any(isinstance(module, nn.Conv2d) for module in model.modules())


def _image_tokens(model: nn.Module, side: int) -> int:
    """Patches of a square image, the class token and, in DeiT, the distillation token."""
    config = model.config
    return (side // config.patch_size) ** 2 + (2 if config.model_type == "deit" else 1)


def _convolution_flops(model: nn.Module, side: int) -> int:
    """FLOPs for one image, counted once per model and size in a forward pass that only computes shapes."""
    known = _flops_by_side.setdefault(model, {})
    if side not in known:
        shapes = {name: tensor.to("meta") for name, tensor in model.state_dict().items()}
        # In training mode, BatchNorm rejects a single image whose feature maps have one pixel.
        images = torch.empty(2, 3, side, side, device="meta")
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            functional_call(model, shapes, (images,))
        known[side] = counter.get_flop_counts()["Global"][torch.ops.aten.convolution] // 2
    return known[side]
