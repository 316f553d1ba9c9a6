"""The rows of docs/performance.md on sparse products, steps and forward passes, from the benchmark's output.

Usage: .venv/bin/python docs/results/summary.py FILE.json...

Each file is the output of `workbench benchmark --scale minilm|bert-base --json` at some number of threads.
"""

import json
import sys
from pathlib import Path

KINDS = ("three products", "forward", "masked step", "dense step")
COLUMNS = ("work", "threads", "contestant", "milliseconds", "times the first")


def rows(result: dict) -> list[tuple[str, ...]]:
    """A row for each contestant: its median, and its time as a multiple of the first contestant's."""
    found, threads = [], result["machine"]["threads"]
    for line in result["rows"]:
        if line["what"].startswith(KINDS):
            numbers = f"{1000 * line['seconds']:.3g}", f"{line['relative']:.2f}"
            found.append((line["what"], str(threads), line["contestant"], *numbers))
    return found


if __name__ == "__main__":
    results = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[1:]]
    print(json.dumps(results[0]["machine"], indent=2))
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    for result in results:
        for row in rows(result):
            print(f"| {' | '.join(row)} |")
