"""Benchmarks of masks, products, training steps and forward passes against common alternatives."""

from workbench.benchmark.measure import Row, measure
from workbench.benchmark.scales import SCALES, Scale
from workbench.benchmark.table import as_text, machine, rows, run

__all__ = ["SCALES", "Row", "Scale", "as_text", "machine", "measure", "rows", "run"]
