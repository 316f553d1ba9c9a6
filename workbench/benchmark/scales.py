"""The problem sizes of the benchmark."""

import torch

from workbench.randomness import torch_generator
from workbench.settings import Count, Positive, settings


@settings
class Scale:
    """The size of a BERT-like encoder and the number of measurements.

    Attributes:
        layers: layers of the encoder, each with four square matrices and two of four times the size.
        hidden: width of the encoder.
        pool: number of masks in a comparison.
        ratio: sampling ratio of randomized masks, see `sample_mask`.
        rounds: measurements after warm-up.
        step_layers: layers of the encoder whose training steps with a moving mask are measured.
        step_hidden: width of that encoder.
        batch: examples, and tokens of each, in a training step under a fixed mask.
        forward: the same in a forward pass; one example alone is measured, too.
    """

    layers: Count
    hidden: Count
    pool: Count
    ratio: Positive
    rounds: Count
    step_layers: Count
    step_hidden: Count
    batch: tuple[Count, Count]
    forward: tuple[Count, Count] = (32, 128)


SCALES = {
    "small": Scale(
        layers=2,
        hidden=48,
        pool=4,
        ratio=0.02,
        rounds=1,
        step_layers=2,
        step_hidden=48,
        batch=(4, 12),
        forward=(3, 8),
    ),
    "minilm": Scale(
        layers=6, hidden=384, pool=16, ratio=1e-4, rounds=5, step_layers=6, step_hidden=384, batch=(32, 50)
    ),
    # A moving mask is measured on MiniLM's size, which is fast enough.
    "bert-base": Scale(
        layers=12, hidden=768, pool=16, ratio=1e-4, rounds=5, step_layers=6, step_hidden=384, batch=(16, 128)
    ),
}


def normal_weights(layers: int, hidden: int) -> dict[str, torch.Tensor]:
    """Float32 matrices with an encoder's shapes, normal with BERT's initial standard deviation of 0.02."""
    square, wide, tall = (hidden, hidden), (4 * hidden, hidden), (hidden, 4 * hidden)
    shapes = {f"attention.self.{part}": square for part in ("query", "key", "value")}
    shapes |= {"attention.output.dense": square, "intermediate.dense": wide, "output.dense": tall}
    names = {
        f"encoder.layer.{layer}.{kind}.weight": shapes[kind] for layer in range(layers) for kind in shapes
    }
    return {
        name: torch.randn(shape, generator=torch_generator("benchmark", name)).mul_(0.02)
        for name, shape in names.items()
    }
