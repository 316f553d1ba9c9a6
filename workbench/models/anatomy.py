"""Which weights of a model are prunable, and what its forward costs."""

import math
import re
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

_ENCODER_LAYER = re.compile(r"\.(layer|layers|albert_layers)\.\d+\.")
_flops_by_side: WeakKeyDictionary[nn.Module, dict[int, int]] = WeakKeyDictionary()


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that may be removed, by parameter name; tied ones appear once.

    Of a text encoder, the linear matrices of its layers: 72 matrices and 84,934,656 weights in bert-base
    (paper A, section 2); embeddings, LayerNorm, biases, pooler and head are never among them. Of a ResNet,
    every convolution kernel, the first and those of shortcuts included, and neither BatchNorm nor the head,
    as in the pruning code of a SWAMP author; AC/DC's global variant prunes the head as well (Peste et al.
    2021).
    """
    names = {f"{name}.weight" for name, module in model.named_modules() if _is_prunable(name, module)}
    return {name: parameter for name, parameter in model.named_parameters() if name in names}


def embeddings(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a text encoder's embedding layer, its LayerNorm included; none of a ResNet."""
    return {name: weight for name, weight in model.named_parameters() if ".embeddings." in f".{name}"}


def forward_flops(model: nn.Module, batch: int, length: int) -> int:
    """Floating-point operations of one dense forward, multiply and add apart.

    Of a text encoder's layers, linear matrices and attention's two products are counted, and embeddings,
    LayerNorm, softmax and the head are not; matrices that several layers share (ALBERT) are counted once.
    Of a ResNet, the convolutions. Zeros count like other weights, since unstructured sparsity skips
    nothing here.

    Args:
        model: a model from `load_encoder`.
        batch: examples in the batch.
        length: tokens in each sequence, padding included, or pixels in each image, which is square.
    """
    if model.main_input_name == "pixel_values":
        return batch * _convolution_flops(model, math.isqrt(length)) if batch else 0
    linear = sum(weight.numel() for weight in prunable(model).values())
    attention = 2 * model.config.num_hidden_layers * model.config.hidden_size * length
    return 2 * batch * length * (linear + attention)


def _is_prunable(name: str, module: nn.Module) -> bool:
    if isinstance(module, nn.Linear):
        return _ENCODER_LAYER.search(f"{name}.") is not None
    return isinstance(module, nn.Conv2d)


def _convolution_flops(model: nn.Module, side: int) -> int:
    """For one image, counted once for each model and size in a forward that computes shapes only."""
    known = _flops_by_side.setdefault(model, {})
    if side not in known:
        shapes = {name: tensor.to("meta") for name, tensor in model.state_dict().items()}
        # BatchNorm in training mode refuses a single image whose maps have shrunk to one pixel.
        images = torch.empty(2, 3, side, side, device="meta")
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            functional_call(model, shapes, (images,))
        known[side] = counter.get_flop_counts()["Global"][torch.ops.aten.convolution] // 2
    return known[side]
