"""What the kernels are compiled for: the width of its vectors, and the stamp of their source."""

import hashlib
from pathlib import Path

import llvmlite.binding as llvm
from numba import config


def _features() -> str:
    """The processor's features as numba passes them to LLVM, or its name if numba was given nothing else."""
    if config.CPU_FEATURES is not None:
        return f"{config.CPU_NAME or ''} {config.CPU_FEATURES}"
    return llvm.get_host_cpu_features().flatten()


_WIDE = "+avx512f" in _features()

# Floats in a vector. LLVM splits what the processor has no registers for: the code is right on every
# processor, and quick where there are 32 registers of 16 floats (AVX-512) or 16 of 8 (AVX2).
LANES = 16 if _WIDE else 8

# Tokens in a block: the sums of one row's tokens fill half of the registers at most, one line's neighbours
# come with it, and a block of BERT's width in bfloat16 stays in a cache of the second level.
TOKENS = 8 * LANES

# How many vectors a pass takes: the last for a whole block, the others where a last block has few tokens.
WIDTHS = (2, 4, 8)

# Whether the processor has inner products of bfloat16 that are summed in float32.
DOTS = _WIDE and "+avx512bf16" in _features()

# What compiled code depends on beside its own file: numba keeps it by that file's date alone, so that a
# change in another file of this folder would leave stale code behind. A kernel that mentions the stamp is
# kept under it.
STAMP = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
).hexdigest()
