"""Long batches are trained on in parts, whose gradients add up to that of the batch.

At a time, only the activations of one part are kept. Losses are means over examples, so those of the
parts are weighted by their examples. Padding stays that of the whole batch: some losses count it.
"""

from collections.abc import Iterator, Mapping
from math import ceil, inf

from torch import Tensor, nn

from workbench.models import activation_bytes

# Room for the activations of a part: so many bytes, or so many times the weights, whichever is more. With
# less, steps take longer, and the libraries and the model take most of the memory all the same.
_LEAST = 192 << 20
_TIMES_WEIGHTS = 2


def activation_room(model: nn.Module) -> float:
    """Bytes of activations that one part may keep; without a limit on a GPU.

    Args:
        model: the model to be trained, with dense layers.
    """
    weights = list(model.parameters())
    if weights[0].device.type != "cpu":
        return inf
    return max(_LEAST, _TIMES_WEIGHTS * sum(weight.numel() * weight.element_size() for weight in weights))


def parts(
    model: nn.Module, batch: Mapping[str, Tensor], room: float
) -> Iterator[tuple[dict[str, Tensor], float]]:
    """As few parts of a batch as fit into the room, in order, each with its share of the examples.

    Args:
        model: the model to be trained; a ResNet, whose activations are not estimated, gets one part.
        batch: tensors whose first dimension is the batch.
        room: bytes of activations that a part may keep.
    """
    count = len(batch["labels"])
    number = ceil(activation_bytes(model, *extent(batch)) / room)
    size = ceil(count / max(number, 1))
    for start in range(0, count, size):
        part = {name: tensor[start : start + size] for name, tensor in batch.items()}
        yield part, len(part["labels"]) / count


def extent(batch: Mapping[str, Tensor]) -> tuple[int, int]:
    """Examples in a batch, and the tokens, padding included, or pixels of each."""
    if "pixel_values" in batch:
        count, _, height, width = batch["pixel_values"].shape
        return count, height * width
    return tuple(batch["input_ids"].shape)
