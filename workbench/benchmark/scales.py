"""How much the benchmark works on."""

import torch

from workbench.randomness import torch_generator
from workbench.settings import Count, Positive, settings


@settings
class Scale:
    """A BERT-like encoder and how often it is measured.

    Attributes:
        layers: of the encoder, each with four square matrices and two of four times the size.
        hidden: width of the encoder.
        pool: masks in a comparison.
        ratio: of randomized masks, see `sample_mask`.
        rounds: measurements after warm-up.
        step_layers: of the encoder whose training steps are measured.
        step_hidden: width of that encoder.
    """

    layers: Count
    hidden: Count
    pool: Count
    ratio: Positive
    rounds: Count
    step_layers: Count
    step_hidden: Count


SCALES = {
    "small": Scale(layers=2, hidden=48, pool=4, ratio=0.02, rounds=1, step_layers=2, step_hidden=48),
    # The steps are those of MiniLM, which trains in seconds.
    "bert-base": Scale(layers=12, hidden=768, pool=16, ratio=1e-4, rounds=5, step_layers=6, step_hidden=384),
}


def normal_weights(layers: int, hidden: int) -> dict[str, torch.Tensor]:
    """Float32 matrices of an encoder's shapes, normal with BERT's initial standard deviation of 0.02."""
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
