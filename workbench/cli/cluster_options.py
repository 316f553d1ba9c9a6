"""The options that only some executors have; `argparse`'s settings by name.

They ask for what a run of `workbench grid` needs, or a worker of `workbench prune`.
"""

CLUSTER_OPTIONS = {
    "address": {"metavar": "A", "help": "ray: HOST:PORT of the cluster, or auto (default: this machine)"},
    "cpus": {"type": int, "metavar": "N", "help": "cores, and torch threads, of each (default: 1)"},
    "gpus": {"type": float, "metavar": "F", "help": "GPUs of each; with ray also a share, such as 0.5"},
    "memory": {"type": float, "metavar": "G", "help": "GiB of memory of each"},
    "retries": {"type": int, "metavar": "R", "help": "times to resume one whose process died (default: 3)"},
    "node": {"action": "append", "metavar": "NAME=VALUE", "help": "ray: a label of the nodes; repeatable"},
    "slurm": {"action": "append", "metavar": "NAME=VALUE", "help": "slurm: of sbatch; time=MINUTES at least"},
}
# Stages of a run go to Ray, and not to SLURM: they are too short to wait in a queue.
WORKER_OPTIONS = {name: settings for name, settings in CLUSTER_OPTIONS.items() if name != "slurm"}
