"""Sparse models for inference, and their speed compared to dense ones."""

from workbench.inference.sparse_model import sparse_model
from workbench.inference.speed import measure_speed, speed_text
from workbench.models import save_sparse

__all__ = ["measure_speed", "save_sparse", "sparse_model", "speed_text"]
