import pytest

from workbench.benchmark import SCALES, measure
from workbench.benchmark.products import OURS, product_rows


@pytest.mark.parametrize("kind", ["three products", "forward"])
def test_every_row_is_right_and_names_its_contestants(kind):
    rows = [row for row in product_rows(SCALES["small"]) if row.what.startswith(kind)]
    assert len(rows) == (12 if kind == "three products" else 4)
    for row in rows:
        lines = measure(row)
        assert lines[0]["contestant"] == OURS
        assert {"torch dense, bf16", "torch dense, fp32"} < {line["contestant"] for line in lines}
        assert all(line["seconds"] > 0 for line in lines)
