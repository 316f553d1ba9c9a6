"""Notebooks are tested on the small runs of the runs' own tests."""

from tests.runs.conftest import spec_of

__all__ = ["spec_of"]
