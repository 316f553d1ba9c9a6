"""What this computer trains on, how much memory it has, and in which arithmetic it computes."""

import os
from collections.abc import Mapping

import torch
from torch import Tensor

_COMPILED_PRODUCTS = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
# Tokens from which a step takes more than half a second.
_LONG_STEP = 1024


def device() -> torch.device:
    """Where models train: the accelerator that accelerate finds, or the CPU."""
    from accelerate import Accelerator  # takes a while, and listing runs needs no device

    return Accelerator().device


def device_name() -> str:
    """The device as a run folder records it: a GPU's own name, "mps" or "cpu"."""
    here = device()
    return torch.cuda.get_device_name(here) if here.type == "cuda" else here.type


def installed_memory() -> int:
    """Bytes of memory of the device that models train on."""
    here = device()
    if here.type == "cuda":
        return torch.cuda.get_device_properties(here).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def free_gpu_memory() -> int:
    """Bytes of the GPU that models train on which no process has taken."""
    free, _ = torch.cuda.mem_get_info(device())
    return free


def limit_compiled_products(tokens: float) -> None:
    """Lets oneDNN keep 128 compiled products in place of 1,024 where steps are long.

    On a CPU it compiles some twenty products for each length of a batch: 9 MB and 50 ms at MiniLM's size.
    Kept for all lengths they take most of a gigabyte. Compiled again when a length returns, they cost these
    50 ms again, which is little beside a step of 1,024 tokens and much beside a short one. Results are the
    same. This works only before the first product of the process, and a value in the environment has
    precedence.

    Args:
        tokens: of a typical batch.
    """
    if tokens >= _LONG_STEP:
        os.environ.setdefault(_COMPILED_PRODUCTS, "128")


def detect_precision() -> str:
    """The string "bf16" where the hardware multiplies bfloat16 natively, else "fp32"."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if native else "fp32"


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """A context in which matrix products run in bfloat16 where `precision` is "bf16"."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def moved(batch: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """The tensors of a batch on a device.

    To a GPU they are copied out of pinned memory, so that this process can go on meanwhile.
    """

    def copied(tensor: Tensor) -> Tensor:
        if device.type == "cuda" and tensor.device.type == "cpu":
            return tensor.pin_memory().to(device, non_blocking=True)
        return tensor.to(device)

    return {name: copied(tensor) for name, tensor in batch.items()}
