#!/usr/bin/env bash
# All that a machine with a CUDA device has to show: the tests in tests/gpu, then the figures of the section "On a
# GPU" in docs/performance.md. Prints them as a table at the end, which is also in gpu-report/tables.md.
#
# Usage: docs/results/gpu.sh [--here]
#
# It needs Linux, Python 3.11 or newer (PYTHON names it) and, for the torch that constraints.txt pins, driver 580 or
# newer. It makes an environment in .venv-gpu, which takes minutes and 7 GB; what follows takes under 10 minutes,
# because each part has a limit. With --here it installs nothing and runs with PYTHON and its packages as they are,
# on a machine without a package index for instance.
set -uo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-python3}
out=${OUT:-gpu-report}
mkdir -p "$out"
rm -f "$out"/lines.jsonl

if [ "${1:-}" = --here ]; then
  # The package's metadata alone; its sources are those of this folder.
  site=$(mktemp -d)
  "$python" -m pip install -q --no-index --no-deps --no-build-isolation --target "$site" . || exit 2
  export PYTHONPATH="$PWD:$site${PYTHONPATH:+:$PYTHONPATH}"
else
  [ -x .venv-gpu/bin/python ] || "$python" -m venv .venv-gpu || exit 2
  python=$PWD/.venv-gpu/bin/python
  install() { timeout 900 "$python" -m pip install -q --constraint constraints.txt "$@" || exit 2; }
  install pip setuptools
  # Three equal signs leave out a build for the CPU, 2.13.0+cpu, which pip prefers where an index offers it.
  install "torch===$(sed -n 's/^torch==//p' constraints.txt)"
  install --no-build-isolation --editable '.[test]'
fi

cores=$(nproc)  # here, because it obeys the next line
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 CUBLAS_WORKSPACE_CONFIG=:4096:8 PYTHONUNBUFFERED=1
"$python" -c 'import sys, torch
if not torch.cuda.is_available():
    sys.exit(f"torch {torch.__version__} finds no CUDA device here.")
print(torch.__version__, torch.version.cuda, torch.cuda.get_device_name())' || exit 2

# part SECONDS NAME COMMAND...: runs a command under a limit; what it prints is also in a file.
failed=()
part() {
  local limit=$1 name=$2 begun=$SECONDS
  shift 2
  echo "== $name"
  timeout --kill-after=10 "$limit" "$@" 2>&1 | tee "$out/$name.log" || failed+=("$name")
  echo "== $name took $((SECONDS - begun)) of at most $limit s"
}

measure=("$python" docs/results/gpu.py)
part 220 tests "$python" -m pytest tests/gpu -p no:cacheprovider --durations=10
part 90 masks env OMP_NUM_THREADS="$cores" "${measure[@]}" masks --json "$out/lines.jsonl"
part 120 steps "${measure[@]}" steps --seconds 2.5 --json "$out/lines.jsonl"
part 120 jobs "${measure[@]}" jobs --seconds 2.5 --json "$out/lines.jsonl"
part 50 cpu env ACCELERATE_USE_CPU=true OMP_NUM_THREADS="$cores" \
  "${measure[@]}" steps --seconds 1.5 --json "$out/lines.jsonl"

if [ -s "$out/lines.jsonl" ]; then
  "${measure[@]}" table --json "$out/lines.jsonl" | tee "$out/tables.md"
fi
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed or out of time: ${failed[*]}" >&2
  exit 1
fi
