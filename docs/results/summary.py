"""The tables of docs/performance.md on sparse layers, from the output of the benchmark.

Usage: .venv/bin/python docs/results/summary.py FILE.json...

Each file is the output of `workbench benchmark --scale minilm|bert-base --json` at some number of threads.
Cells are milliseconds, and in brackets their median multiple of the first contestant's.
"""

import json
import re
import sys
from pathlib import Path

import pandas as pd
from compare import markdown

KINDS = ("three products", "masked step", "dense step", "forward")


def rows(result: dict, kind: str) -> list[dict[str, str]]:
    """A row for each measurement of a kind."""
    works: dict[str, dict[str, str]] = {}
    for line in result["rows"]:
        if line["what"].startswith(kind):
            row = works.setdefault(line["what"], described(line["what"], result["machine"]["threads"]))
            first = line["relative"] == 1
            row[line["contestant"]] = cell(1000 * line["seconds"], None if first else line["relative"])
    return list(works.values())


def described(what: str, threads: int) -> dict[str, str]:
    """What was measured: "masked step, encoder 6 x 384 at 0.8, batch 32 x 50 tokens", in columns."""
    size, sparsity = re.search(r", (?:encoder )?(\d+ x \d+)(?: at ([\d.]+))?", what).groups()
    batch = re.search(r"([\dx ]+) tokens", what)[1].strip()
    row = {"matrix or encoder": size, "tokens": batch, "threads": str(threads), "sparsity": sparsity}
    return {column: value for column, value in row.items() if value}


def cell(milliseconds: float, relative: float | None) -> str:
    """A number of at least three digits, and its multiple."""
    text = f"{milliseconds:.3g}" if milliseconds < 1000 else f"{milliseconds:,.0f}"
    return text if relative is None else f"{text} ({relative:.2f})"


if __name__ == "__main__":
    results = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    print(json.dumps(results[0]["machine"], indent=2))
    for kind in KINDS:
        table = pd.DataFrame([row for result in results for row in rows(result, kind)])
        print(f"\n{kind}\n\n{markdown(table.fillna(''))}")
