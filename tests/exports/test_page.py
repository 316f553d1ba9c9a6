"""The marked blocks of docs/export.md run, in order, in one empty folder.

They run in this process, because every other one would import the libraries anew.
"""

import shlex
import shutil
from importlib.util import find_spec

from tests.test_readme import blocks
from workbench.cli import main

EXTRAS = {"onnx": "onnxruntime", "tensorboard": "tensorboardX"}


def run_shell(code: str, run: str) -> None:
    """Runs the `workbench` lines of a block, without those whose extra is not installed."""
    missing = [name for name, package in EXTRAS.items() if find_spec(package) is None]
    for line in code.splitlines():
        if not any(f"[{name}]" in line for name in missing):
            program, *arguments = shlex.split(line.replace("$RUN", run), comments=True)
            assert program == "workbench"
            assert main(arguments) == 0, line


def test_the_marked_blocks_of_the_page_run(root, finished_run, tmp_path, monkeypatch):
    page = (root / "docs" / "export.md").read_text(encoding="utf-8")
    marked = [block for block in blocks(page) if block.mark == "run"]
    assert [block.language for block in marked] == ["bash", *["python"] * 2, "bash", *["python"] * 2, "bash"]
    run = shutil.copytree(finished_run.path, tmp_path / "runs" / finished_run.name)
    monkeypatch.chdir(tmp_path)
    for language, _, code in marked:
        if language == "bash":
            run_shell(code, str(run))
        else:
            exec(compile(code, "docs/export.md", "exec"), {"__name__": "a page's block"})
    assert (tmp_path / "trained" / "checkpoint-4" / "mask.safetensors").is_file()
