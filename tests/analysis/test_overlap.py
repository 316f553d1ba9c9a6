"""Maps of masks."""

import numpy as np
import pandas as pd
import pytest

from workbench.analysis.overlap import mask_map


def test_a_map_is_exact_if_two_dimensions_suffice_and_has_the_first_mask_at_the_origin():
    places = np.array([[0.0, 0.0], [0.3, 0.0], [0.0, 0.4]])
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    placed = mask_map(pd.DataFrame(1 - distances, index=list("abc"), columns=list("abc")))
    assert placed.loc["a", ["x", "y"]].tolist() == [0, 0]
    assert placed["distance"].tolist() == pytest.approx([0, 0.3, 0.4])
    xy = placed[["x", "y"]].to_numpy()
    assert np.linalg.norm(xy[:, None] - xy[None], axis=2) == pytest.approx(distances, abs=0.02)


def test_equal_tables_give_equal_maps():
    table = pd.DataFrame(np.full((4, 4), 0.5) + np.eye(4) / 2, index=list("abcd"), columns=list("abcd"))
    pd.testing.assert_frame_equal(mask_map(table), mask_map(table))
