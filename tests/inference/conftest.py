"""Costs under which every matrix is sparse; what a machine really costs is measured elsewhere."""

import importlib

import pytest

from workbench.compute import BreakEven


def costs(overhead: float) -> BreakEven:
    """A dense layer costs its weights, a sparse one its kept weights and an overhead, in any batch."""
    dense, sparse = {"forward": (0.0, 1.0, 0.0)}, {"forward": (overhead, 1.0, 0.0, 0.0)}
    return BreakEven("float32", dense, sparse)


@pytest.fixture(autouse=True)
def overhead(monkeypatch):
    """Sets what a sparse layer costs beside its kept weights; nothing at first."""

    def set_to(number: float) -> None:
        # The package has a function of the module's name.
        module = importlib.import_module("workbench.inference.sparse_model")
        monkeypatch.setattr(module, "measured_break_even", lambda dtype: costs(number))

    set_to(0.0)
    return set_to
