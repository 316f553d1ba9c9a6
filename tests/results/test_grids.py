"""The grid files of docs/results."""

from workbench.sweeps import read_grid


def test_every_grid_can_be_read(root):
    files = sorted((root / "docs" / "results").glob("*.yaml"))
    grids = [file for file in files if "\naxes:" in file.read_text()]
    assert len(grids) > 10
    for file in grids:
        assert read_grid(file), file
