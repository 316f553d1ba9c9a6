"""The pattern of a run's masks in words."""

from collections.abc import Callable

from workbench.masks.patterns import NM, Block, Neuron, Pattern, Unstructured
from workbench.runs import Run

_ARRANGED: dict[type[Pattern], Callable[..., str]] = {
    Unstructured: lambda pattern: (
        "any weight can be removed. Kernels for dense matrices are not faster with it; the sparse layers "
        "of this workbench are, on a CPU"
    ),
    NM: lambda pattern: (
        f"{pattern.n} of every {pattern.m} consecutive weights along the input are kept. "
        + (
            "The sparse tensor cores of NVIDIA GPUs since Ampere use it, through torch's semi-structured "
            "kernels"
            if str(pattern) == "2:4"
            else "The sparse tensor cores of NVIDIA GPUs use 2:4, and common hardware does not use this one"
        )
    ),
    Block: lambda pattern: (
        f"blocks of {pattern.rows} x {pattern.columns} weights are kept or removed as a whole. "
        "Block-sparse kernels use it, on GPUs and CPUs"
    ),
    Neuron: lambda pattern: (
        "rows of a matrix, its output neurons, are kept or removed as a whole. Any hardware is faster once "
        "the rows are taken out of the matrices, which here are still stored with their zeros"
    ),
}


def pattern_and_hardware(run: Run) -> list[str]:
    """The pattern of the final mask and what computes faster with it; nothing if the engine has none."""
    name = getattr(run.spec.engine, "pattern", None)
    if name is None:
        return []
    pattern = Pattern.of(name)
    return [f"The pattern is {pattern}: {_ARRANGED[type(pattern)](pattern)}."]
