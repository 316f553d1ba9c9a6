"""Memory of whole runs, measured in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.tiny import save_tiny_model

HIDDEN = 512
MEGABYTE = 1e6

SCRIPT = """
import json, sys
import torch
import workbench as wb
from workbench.benchmark.measure import peak_memory
from workbench.execution.bench import RunBench

torch.set_num_threads(1)
peaks = []
average = RunBench.average

def measured(bench, *arguments):
    state = average(bench, *arguments)
    peaks.append(peak_memory() * 2**20)
    return state

RunBench.average = measured
wb.prune(wb.RunSpec.from_yaml(sys.argv[1]), store=sys.argv[2])
print(json.dumps(peaks))
"""


def small_task(folder: Path) -> Path:
    """A folder in which `glue/cola` has a few rows, so that evaluations cost little."""
    (folder / "cola").mkdir(parents=True)
    for split, rows in {"train": 40, "validation": 10}.items():
        frame = pd.DataFrame({"sentence": [f"number {row}" for row in range(rows)]})
        frame["label"] = [row % 2 for row in range(rows)]
        frame.to_parquet(folder / "cola" / f"{split}-00000-of-00001.parquet")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_the_sixth_level_takes_no_more_memory_than_the_second(spec_of, minilm, tmp_path):
    from workbench.engines.swamp import Swamp

    model = save_tiny_model(tmp_path / "bert", minilm / "vocab.txt", hidden=HIDDEN)
    engine = Swamp(
        ladder=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
        sparsity=0.6,
        particles=2,
        epochs=1e-3,
        batch_size=4,
        hold_from=0.5,
        distillation={"mode": "none"},
    )
    spec = spec_of(engine, task="glue/cola", model=str(model))
    (tmp_path / "spec.yaml").write_text(spec.to_yaml())
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path / "spec.yaml", tmp_path / "runs"],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"WORKBENCH_GLUE_DIR": str(small_task(tmp_path / "glue"))},
    )
    peaks = json.loads(done.stdout.splitlines()[-1])
    weights = sum(file.stat().st_size for file in model.glob("*.safetensors"))
    assert len(peaks) == 6
    assert weights > 15 * MEGABYTE, "what a level might leave behind is large beside what varies by chance"
    assert peaks[5] <= peaks[1] + weights
