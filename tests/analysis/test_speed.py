"""Measured times of forward passes as tables."""

from tests.fabricated import speed_result
from workbench.analysis.speed import speed_rows, speed_table


def test_times_are_relative_to_float32_in_torch_for_the_same_shape():
    rows = speed_rows(speed_result()).set_index(["shape", "contestant"])["times_as_fast"]
    assert rows["1 x 16", "torch fp32"] == rows["8 x 16", "torch fp32"] == 1
    assert rows["1 x 16", "workbench fp32"] == 2
    assert rows["8 x 16", "workbench fp32"] == 4
    assert rows["8 x 16", "ONNX Runtime int8"] == 2


def test_the_table_has_a_row_for_each_contestant_and_a_column_for_each_shape():
    table = speed_table(speed_result())
    assert table["contestant"].tolist() == ["torch fp32", "workbench fp32", "ONNX Runtime int8"]
    assert table.columns.tolist() == ["contestant", "1 x 16", "8 x 16", "bytes", "largest_difference"]
    assert table["8 x 16"].tolist() == [40, 10, 20]
    assert table["largest_difference"].tolist() == [0, 0.25, 0.25]
