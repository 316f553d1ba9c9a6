"""One concept a file and functions that fit a screen; beyond these limits something is amiss."""

import ast

from tests.contracts.sources import package_files

FILE_LINES = 300
FUNCTION_LINES = 60


def too_long(code: str) -> list[str]:
    """What is over its limit in a file: the file itself, functions."""
    lines = code.count("\n")
    functions = (
        node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    sizes = {node.name: node.end_lineno - node.lineno + 1 for node in functions}
    found = [f"{name}: {size} lines" for name, size in sizes.items() if size > FUNCTION_LINES]
    return found + ([f"{lines} lines"] if lines > FILE_LINES else [])


def test_files_and_functions_are_short(root):
    found = {str(path.relative_to(root)): too_long(path.read_text()) for path in package_files(root)}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_limits_are_exact():
    body = "    pass\n"
    assert too_long("def f():\n" + body * (FUNCTION_LINES - 1)) == []
    assert too_long("def f():\n" + body * FUNCTION_LINES) == ["f: 61 lines"]
    assert too_long("class C:\n    async def m(self):\n" + ("    " + body) * FUNCTION_LINES) == [
        "m: 61 lines"
    ]
    assert too_long("x = 1\n" * FILE_LINES) == []
    assert too_long("x = 1\n" * (FILE_LINES + 1)) == ["301 lines"]
