"""Reads the project's own sources for the contract tests."""

import ast
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path


def package_files(root: Path) -> list[Path]:
    """All Python files in the package."""
    files = sorted((root / "workbench").rglob("*.py"))
    assert files
    return files


def notebook_code(path: Path) -> str:
    """The Python code of a notebook, without lines for IPython only."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    lines = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code").splitlines()
    return "\n".join(line for line in lines if not line.startswith(("%", "!")))


def project_files(root: Path) -> list[Path]:
    """All files that are in the repository or about to be added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [root / name for name in listed.stdout.split("\0") if name]
    assert files
    return [path for path in files if path.is_file()]


def uses(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """All names that a piece of code uses, fully qualified: `np.random.rand` is "numpy.random.rand".

    Attributes of anything that is not an import are given as "?" and the attributes: "?.normal_".
    """
    full = _imported_names(tree)
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    outermost = (node for node in ast.walk(tree) if id(node) not in inner)
    yield from ((node, name) for node in outermost for name in _names(node, full))


def arguments(call: ast.Call) -> set[str | None]:
    """The names of a call's keyword arguments; None stands for `**mapping`."""
    return {keyword.arg for keyword in call.keywords}


def _imported_names(tree: ast.AST) -> dict[str, str]:
    full = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                full |= {alias.asname: alias.name} if alias.asname else {top: top}
        elif isinstance(node, ast.ImportFrom):
            full |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return full


def _names(node: ast.AST, full: dict[str, str]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    attributes = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    owner = full.get(node.id) if isinstance(node, ast.Name) else None
    if not (owner or attributes):
        return []
    return [".".join([owner or "?", *attributes])]
