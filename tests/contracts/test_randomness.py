"""No global random number generator anywhere: `workbench.randomness` derives all of them."""

import ast

import pytest

from tests.contracts.sources import arguments, notebook_code, package_files, uses

DRAWS = {"bernoulli", "multinomial", "normal", "poisson"}
DRAWS |= {"rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"}
FILLS = {
    "bernoulli_",
    "cauchy_",
    "exponential_",
    "geometric_",
    "log_normal_",
    "normal_",
    "random_",
    "uniform_",
}
FILLS |= {"kaiming_normal_", "kaiming_uniform_", "orthogonal_", "trunc_normal_"}
FILLS |= {"xavier_normal_", "xavier_uniform_"}
SEEDS = {"torch.seed", "torch.manual_seed", "torch.cuda.manual_seed", "torch.cuda.manual_seed_all"}
SEEDS |= {"torch.set_rng_state", "transformers.set_seed", "accelerate.utils.set_seed"}
MODULES = ("random", "torch.random", "numpy.random", "secrets")
TYPES = {"numpy.random.Generator"}


def global_randomness(code: str) -> list[str]:
    """All uses of generators that `workbench.randomness` did not create."""
    tree = ast.parse(code)
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return [name for node, name in uses(tree) if is_global(name, called.get(id(node)))]


def is_global(name: str, call: ast.Call | None) -> bool:
    if name in SEEDS:
        return True
    if name in MODULES or name.startswith(tuple(f"{module}." for module in MODULES)):
        return name not in TYPES
    owner, _, last = name.rpartition(".")
    drawn = (owner == "torch" and last in DRAWS) or (owner and last in FILLS)
    return bool(drawn) and (call is None or "generator" not in arguments(call))


def test_the_package_has_one_source_of_randomness(root):
    files = [path for path in package_files(root) if path != root / "workbench" / "randomness.py"]
    used = {str(path): global_randomness(path.read_text()) for path in files}
    assert {path: names for path, names in used.items() if names} == {}


def test_the_notebooks_use_the_same_source(root):
    used = {path.name: global_randomness(notebook_code(path)) for path in root.glob("notebooks/*.ipynb")}
    assert {name: names for name, names in used.items() if names} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.rand(3)",
        "import torch as t\nt.randperm(3, device='cpu')",
        "from torch import randn as r\nr(3)",
        "import torch\nf = torch.bernoulli",
        "x.normal_()",
        "f(x)[0].uniform_(0, 1)",
        "from torch import nn\nnn.init.kaiming_uniform_(w)",
        "import torch\ntorch.manual_seed(0)",
        "import torch\nwith torch.random.fork_rng(): pass",
        "import numpy as np\nnp.random.seed(0)",
        "import numpy as np\nnp.random.default_rng(0)",
        "from numpy.random import default_rng",
        "import random",
        "def f():\n    from random import shuffle",
    ],
)
def test_global_randomness_is_recognised(code):
    assert global_randomness(code)


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.rand(3, generator=g)",
        "x.normal_(generator=g)",
        "import numpy as np\ndef f(rng: np.random.Generator): return rng.normal(size=3)",
        "from workbench.randomness import torch_generator",
        "normal = 1",
        "scores.random()",
    ],
)
def test_derived_randomness_is_accepted(code):
    assert global_randomness(code) == []
