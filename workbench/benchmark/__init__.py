"""What the masks' functions cost, beside what people use for the same."""

from workbench.benchmark.measure import Row, measure
from workbench.benchmark.scales import SCALES, Scale
from workbench.benchmark.table import machine, rows, run

__all__ = ["SCALES", "Row", "Scale", "machine", "measure", "rows", "run"]
