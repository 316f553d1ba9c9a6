"""Forbidden calls: those that fail at the size of a model, and formats that can run code when read."""

import ast

import pytest

from tests.contracts.sources import notebook_code, package_files, uses

REASONS = {
    "torch.quantile": "refuses more than 16 million values and interpolates: no exact counts",
    "torch.multinomial": "refuses more than 16 million categories",
    "torch.save": "writes pickle",
    "torch.load": "reads pickle",
    "numpy.load": "may read pickle",
    "pandas.read_pickle": "reads pickle",
    "?.to_pickle": "writes pickle",
    "?.multinomial": "refuses more than 16 million categories",
    "pickle": "runs code when read",
    "cloudpickle": "runs code when read",
    "dill": "runs code when read",
    "joblib": "runs code when read",
    "shelve": "runs code when read",
    "marshal": "runs code when read",
}

# Benchmarked, not used.
PEERS = {"workbench/benchmark/peers.py": ["torch.multinomial"]}


def forbidden(code: str) -> list[str]:
    """All uses of forbidden names, each with the reason."""
    return [f"{name}: {REASONS[name]}" for _, name in uses(ast.parse(code)) if name in REASONS]


def test_the_package_and_the_notebooks_use_nothing_forbidden(root):
    code = {path.relative_to(root).as_posix(): path.read_text() for path in package_files(root)}
    code |= {path.name: notebook_code(path) for path in root.glob("notebooks/*.ipynb")}
    used = {path: [use.partition(":")[0] for use in forbidden(text)] for path, text in code.items()}
    assert {path: names for path, names in used.items() if names} == PEERS


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.quantile(x, 0.5)",
        "from torch import multinomial as draw",
        "p.multinomial(3)",
        "import pickle as p",
        "from torch import load",
        "def f():\n    import torch as t\n    t.save(x, 'x')",
        "frame.to_pickle('x')",
    ],
)
def test_forbidden_uses_are_recognised(code):
    assert forbidden(code)


def test_similar_allowed_names_are_accepted():
    assert (
        forbidden("import numpy as np\nfrom safetensors.torch import load_file, save\nnp.quantile(x, 0.5)")
        == []
    )
