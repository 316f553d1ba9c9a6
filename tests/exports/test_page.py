"""The marked blocks of docs/export.md run, in order, in one empty folder."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.test_readme import RUNNERS, blocks

EXTRAS = {"onnx": "onnxruntime", "tensorboard": "tensorboardX"}


def runnable(code: str) -> str:
    """A block without the commands of extras that are not installed."""
    missing = [name for name, package in EXTRAS.items() if find_spec(package) is None]
    return "\n".join(line for line in code.splitlines() if not any(f"[{name}]" in line for name in missing))


def test_the_marked_blocks_of_the_page_run(root, finished_run, tmp_path):
    page = (root / "docs" / "export.md").read_text(encoding="utf-8")
    marked = [block for block in blocks(page) if block.mark == "run"]
    assert len(marked) == 5
    run = shutil.copytree(finished_run.path, tmp_path / "runs" / finished_run.name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for language, _, code in marked:
        done = subprocess.run(
            [*RUNNERS[language], runnable(code)],
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "RUN": str(run)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "trained" / "checkpoint-4" / "mask.safetensors").is_file()
