"""The options of `workbench grid` that only some executors have; `argparse`'s settings by name."""

CLUSTER_OPTIONS = {
    "address": {"metavar": "A", "help": "ray: HOST:PORT of the cluster, or auto (default: this machine)"},
    "cpus": {"type": int, "metavar": "N", "help": "cores, and torch threads, of a run (default: 1)"},
    "gpus": {"type": float, "metavar": "F", "help": "GPUs of a run; with ray also a share, such as 0.5"},
    "memory": {"type": float, "metavar": "G", "help": "GiB of memory of a run"},
    "retries": {"type": int, "metavar": "R", "help": "times to resume a run whose process died (default: 3)"},
    "label": {"action": "append", "metavar": "NAME=VALUE", "help": "ray: what nodes must have; repeatable"},
    "slurm": {"action": "append", "metavar": "NAME=VALUE", "help": "slurm: of sbatch; time=MINUTES at least"},
}
