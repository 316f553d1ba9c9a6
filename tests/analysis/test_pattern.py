"""The sentence about a run's pattern and the hardware that uses it."""

from types import SimpleNamespace

import pytest

from workbench.analysis.pattern import pattern_and_hardware
from workbench.engines.magnitude import Magnitude


@pytest.mark.parametrize(
    ("pattern", "arrangement", "hardware"),
    [
        ("unstructured", "any weight can be removed", "sparse layers of this workbench are, on a CPU"),
        ("2:4", "2 of every 4 consecutive weights along the input", "NVIDIA GPUs since Ampere"),
        ("4:8", "4 of every 8 consecutive weights along the input", "common hardware does not use this one"),
        ("block:4x8", "blocks of 4 x 8 weights", "Block-sparse kernels"),
        (
            "neuron",
            "rows of a matrix, its output neurons",
            "Any hardware is faster once the rows are taken out",
        ),
    ],
)
def test_a_pattern_is_named_with_its_hardware(pattern, arrangement, hardware):
    run = SimpleNamespace(spec=SimpleNamespace(engine=Magnitude(sparsity=0.5, pattern=pattern)))
    (paragraph,) = pattern_and_hardware(run)
    assert paragraph.startswith(f"The pattern is {pattern}: {arrangement}")
    assert hardware in paragraph


def test_an_engine_without_a_pattern_has_no_sentence():
    assert pattern_and_hardware(SimpleNamespace(spec=SimpleNamespace(engine=object()))) == []
