#!/usr/bin/env bash
# The 30 runs of docs/results/first-light.md. Needs the environment created by `make report`, and real GLUE in the
# folder in WORKBENCH_GLUE_DIR. It can be stopped and restarted at any time: complete runs return at once, and an
# unfinished one resumes. Tasks as arguments restrict it to those tasks, so two processes can run at once.
set -euo pipefail

store=${STORE:-runs}
workbench=${WORKBENCH:-.venv/bin/workbench}
export OMP_NUM_THREADS=1

common=(--sparsity 0.95 --store "$store" --set lr=3e-4 --set batch_size=32)
declare -A scale=([cola]=0.11 [mrpc]=0.08)
ladder=(--set levels=2 --set dense_epochs=0)
race=("${ladder[@]}" --set candidates=4 --set early_epochs=1.25 --set early_lr=6e-4 --set early_evaluations=2)
[ $# -gt 0 ] || set -- cola mrpc

for seed in 0 1 2; do
  for task in "$@"; do
    run() { "$workbench" prune "$task" --seed "$seed" --scale "${scale[$task]}" "${common[@]}" "$@" | tail -n 1; }
    randomized=$(run --engine randomized "${race[@]}")
    equal=(--set match_steps_of="$randomized")
    run --engine randomized "${race[@]}" --set sampler=magnitude
    run --engine imp "${ladder[@]}" "${equal[@]}"
    run --engine imp "${ladder[@]}" --set rewind=encoder "${equal[@]}"
    run --engine magnitude "${equal[@]}"
  done
done
