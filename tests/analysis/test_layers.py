from tests.tiny import save_tiny_resnet
from workbench.analysis.layers import layer_table
from workbench.figures.style import matrix_title
from workbench.masks import topk_mask
from workbench.models import load_encoder, prunable


def mask_of(folder, sparsity: float):
    weights = prunable(load_encoder(str(folder), outputs=10, seed=0))
    return topk_mask({name: weight.detach().abs() for name, weight in weights.items()}, sparsity)


def test_an_encoder_has_a_row_for_each_layer_and_a_column_for_each_type(tiny_model_dir):
    table = layer_table(mask_of(tiny_model_dir, 0.75))
    assert table.index.tolist() == [0, 1]
    assert table.shape == (2, 6)
    assert (table == 0.75).all(axis=None)


def test_a_resnet_has_a_row_for_each_stage_and_one_for_its_stem(tmp_path):
    table = layer_table(mask_of(save_tiny_resnet(tmp_path / "model"), 0.5))
    assert table.index.tolist() == ["stem", 0, 1, 2]
    assert table.columns.map(matrix_title).tolist() == [
        "first convolution",
        "block 0, convolution 0",
        "block 0, convolution 1",
    ]
    assert table.notna().sum(axis=1).tolist() == [1, 2, 2, 2]
    assert table.loc["stem"].dropna().item() == 0.5
