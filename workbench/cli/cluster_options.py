"""The options that only some executors have: name to settings of `argparse`.

They request resources for a run of `workbench grid`, or for a worker of `workbench prune`.
"""

CLUSTER_OPTIONS = {
    "address": {"metavar": "A", "help": "ray: HOST:PORT of the cluster, or auto (default: this machine)"},
    "cpus": {"type": int, "metavar": "N", "help": "cores and torch threads (default: 1)"},
    "gpus": {"type": float, "metavar": "F", "help": "GPUs; with ray also a share, such as 0.5"},
    "memory": {"type": float, "metavar": "G", "help": "GiB of memory"},
    "retries": {"type": int, "metavar": "R", "help": "restarts after its process died (default: 3)"},
    "node": {"action": "append", "metavar": "NAME=VALUE", "help": "ray: a label of nodes; repeatable"},
    "slurm": {"action": "append", "metavar": "NAME=VALUE", "help": "slurm: for sbatch; needs time=MINUTES"},
}
# Stages of a run go to Ray, and not to SLURM: they are too short to wait in a queue.
WORKER_OPTIONS = {name: settings for name, settings in CLUSTER_OPTIONS.items() if name != "slurm"}
