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

# Floats in a vector. LLVM splits vectors that the processor has no registers for, so the code is correct on
# every processor, and fast with 32 registers of 16 floats (AVX-512) or 16 of 8 (AVX2).
LANES = 16 if _WIDE else 8

# Tokens in a block: the sums of a row fill at most half of the registers, whole cache lines are read, and a
# block of BERT's width in bfloat16 stays in the second-level cache.
TOKENS = 8 * LANES

# Vectors processed in one pass: the largest for whole blocks, the others for a last block of few tokens.
WIDTHS = (2, 4, 8)

# Whether the processor has inner products of bfloat16 numbers summed in float32.
DOTS = _WIDE and "+avx512bf16" in _features()

# A digest of this folder's sources. numba caches compiled code by the date of its own file alone, so a change
# in another file would leave stale code behind. Code that refers to the stamp is cached under its value.
STAMP = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
).hexdigest()
