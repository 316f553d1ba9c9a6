"""The tables of docs/performance.md on sparse layers, from the output of the benchmark.

Usage: .venv/bin/python docs/results/summary.py FILE.json...

Each file is the output of `workbench benchmark --scale minilm|bert-base --json` at some number of threads.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from compare import markdown

KINDS = ("three products", "masked step", "dense step", "forward")


def rows(result: dict, kind: str) -> list[dict]:
    """A row for each measurement of a kind: milliseconds, and in brackets their multiple of the first."""
    lines = [line for line in result["rows"] if line["what"].startswith(kind)]
    works: dict[str, dict] = {}
    for line in lines:
        work = line["what"].removeprefix(f"{kind}, ")
        row = works.setdefault(work, {kind: work, "threads": result["machine"]["threads"]})
        row[line["contestant"]] = f"{1000 * line['seconds']:.3g} ({line['relative']:.2f})"
    return list(works.values())


if __name__ == "__main__":
    results = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    print(json.dumps(results[0]["machine"], indent=2))
    for kind in KINDS:
        table = pd.DataFrame([row for result in results for row in rows(result, kind)])
        print(f"\n{markdown(table.fillna(''))}")
