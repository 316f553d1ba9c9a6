#!/usr/bin/env bash
# The 30 runs of docs/results/first-light.md. Needs `make report` once, for the environment, and the folder of
# real GLUE in WORKBENCH_GLUE_DIR. Stop it and start it again at will: finished runs return at once and an
# unfinished one goes on. With a task as argument it does that task alone, so that two can run side by side.
set -euo pipefail

store=${STORE:-runs}
workbench=${WORKBENCH:-.venv/bin/workbench}
export OMP_NUM_THREADS=1

common=(--sparsity 0.95 --scale 0.04 --store "$store" --set lr=3e-4 --set batch_size=32)
race=(--set candidates=4 --set early_epochs=2.5 --set early_lr=6e-4 --set early_evaluations=2)

for seed in 0 1 2; do
  for task in "${@:-cola mrpc}"; do
    for task in $task; do
      run() { $workbench prune "$task" --seed "$seed" "${common[@]}" "$@" | tail -n 1; }
      randomized=$(run --engine randomized "${race[@]}")
      equal=(--set match_steps_of="$randomized")
      run --engine randomized "${race[@]}" --set sampler=magnitude
      run --engine imp "${equal[@]}"
      run --engine imp "${equal[@]}" --set rewind=true
      run --engine magnitude "${equal[@]}"
    done
  done
done
