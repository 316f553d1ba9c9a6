"""The options of `workbench grid` that only some executors have: name to settings of `argparse`."""

CLUSTER_OPTIONS = {
    "address": {"metavar": "A", "help": "ray: HOST:PORT of the cluster, or auto (default: this machine)"},
    "cpus": {"type": int, "metavar": "N", "help": "cores, and torch threads, of a run (default: 1)"},
    "gpus": {"type": float, "metavar": "F", "help": "GPUs of a run; with ray also a share, such as 0.5"},
    "memory": {"type": float, "metavar": "G", "help": "GiB of memory for a run"},
    "retries": {"type": int, "metavar": "R", "help": "restarts of a run whose process died (default: 3)"},
    "label": {"action": "append", "metavar": "NAME=VALUE", "help": "ray: a label of nodes; repeatable"},
    "slurm": {"action": "append", "metavar": "NAME=VALUE", "help": "slurm: for sbatch; needs time=MINUTES"},
}
