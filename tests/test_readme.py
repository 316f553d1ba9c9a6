"""The commands and the code in the README and the docs work.

A block fenced as ```` ```bash run ```` or ```` ```python run ```` is executed, in page order, in an initially
empty folder; a block fenced as ```` ```python name.py ```` or ```` ```yaml name.yaml ```` is appended to that
file. Other blocks take too long for a test, so only their `make` and `workbench` commands are checked.
"""

import os
import re
import shlex
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import pytest

from workbench import cli
from workbench.engines import engine_ids
from workbench.errors import BadInput

RUNNERS = {"bash": ("bash", "-euo", "pipefail", "-c"), "python": (sys.executable, "-c")}
FENCE = re.compile(r"^```(\w+)[ \t]*([\w.]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class Block(NamedTuple):
    language: str
    mark: str
    code: str


def blocks(text: str) -> list[Block]:
    """The fenced blocks in a Markdown text."""
    return [Block(*match) for match in FENCE.findall(text)]


def commands(text: str) -> list[list[str]]:
    """The words of every shell command in a text, from bash blocks and inline code.

    Omits assignments before a command, comments, and everything after a pipe or redirection.
    """
    lines = [code for language, _, code in blocks(text) if language == "bash"]
    lines = "\n".join(lines).replace("\\\n", " ").splitlines() + INLINE.findall(FENCE.sub("", text))
    return [words for line in lines if (words := _words(line))]


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # inline code that is not a shell command, such as a lone quotation mark
        return []
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return list(takewhile(lambda word: not re.match(r"[|;<>&]|\d>", word), words))


@pytest.fixture(scope="module")
def readme(root) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def everything(root, readme) -> str:
    """The README and all pages of the docs."""
    pages = sorted((root / "docs").rglob("*.md"))
    return "\n\n".join([readme, *(page.read_text(encoding="utf-8") for page in pages)])


def test_every_make_target_exists(root, readme, everything):
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    named = {word for words in commands(everything) if words[0] == "make" for word in words[1:]}
    assert {"report", "test"} <= named
    assert {word for word in named if "=" not in word} <= targets


def test_every_engine_has_a_row(readme):
    rows = re.findall(r"^\| `([a-z-]+)` \|", readme[readme.index("\n## Engines\n") :], re.MULTILINE)
    assert set(engine_ids()) <= set(rows)


def test_every_workbench_command_parses(everything):
    named = [words for words in commands(everything) if Path(words[0]).name == "workbench" and words[1:]]
    assert named
    assert [words for words in named if not parses(words[1:])] == []


def parses(words: list[str]) -> bool:
    try:
        cli.parser().parse_args(words)
    except BadInput:
        return False
    except SystemExit as end:  # raised by --help
        return not end.code
    return True


@pytest.mark.parametrize("page", ["README.md", "docs/extending.md", "docs/your-own.md"])
def test_the_marked_blocks_of_a_page_run(root, page, tmp_path):
    marked = [block for block in blocks((root / page).read_text(encoding="utf-8")) if block.mark]
    assert {block.language for block in marked if block.mark == "run"} == RUNNERS.keys()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for language, mark, code in marked:
        if mark != "run":
            with (tmp_path / mark).open("a", encoding="utf-8") as file:
                file.write(code)
            continue
        command = [*RUNNERS[language], code]
        result = subprocess.run(
            command, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True
        )
        assert result.returncode == 0, f"{code}\n{result.stdout}\n{result.stderr}"


EXAMPLE = """
Say `make report`, or `workbench show RUN --json`; a lone `"` is not a command.

```bash run
make test   # a comment
DATA=../glue workbench prune cola \\
    --seed 0 | tail -n 1
```

```python
import workbench
```
"""


def test_blocks_are_parsed_with_their_marks():
    assert [(block.language, block.mark) for block in blocks(EXAMPLE)] == [("bash", "run"), ("python", "")]


def test_commands_are_found_in_blocks_and_in_inline_code():
    assert commands(EXAMPLE) == [
        ["make", "test"],
        ["workbench", "prune", "cola", "--seed", "0"],
        ["make", "report"],
        ["workbench", "show", "RUN", "--json"],
    ]


def test_a_wrong_command_is_detected():
    assert parses(["doctor"])
    assert not parses(["no-such-command"])
