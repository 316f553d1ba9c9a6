"""Files with one concept and functions that fit on a screen, enforced by limits on their length."""

import ast

from tests.contracts.sources import package_files

FILE_LINES = 300
FUNCTION_LINES = 60


def too_long(code: str) -> list[str]:
    """The functions over the limit in a file, and the file itself if it is."""
    lines = code.count("\n")
    functions = (
        node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    sizes = {node.name: node.end_lineno - node.lineno + 1 for node in functions}
    excess = [f"{name}: {size} lines" for name, size in sizes.items() if size > FUNCTION_LINES]
    return excess + ([f"{lines} lines"] if lines > FILE_LINES else [])


def test_files_and_functions_are_short(root):
    excess = {str(path.relative_to(root)): too_long(path.read_text()) for path in package_files(root)}
    assert {path: names for path, names in excess.items() if names} == {}


def test_the_limits_are_exact():
    body = "    pass\n"
    assert too_long("def f():\n" + body * (FUNCTION_LINES - 1)) == []
    assert too_long("def f():\n" + body * FUNCTION_LINES) == ["f: 61 lines"]
    assert too_long("class C:\n    async def m(self):\n" + ("    " + body) * FUNCTION_LINES) == [
        "m: 61 lines"
    ]
    assert too_long("x = 1\n" * FILE_LINES) == []
    assert too_long("x = 1\n" * (FILE_LINES + 1)) == ["301 lines"]
