"""Kernels compiled to machine code: LLVM vector instructions, and loops over kept weights built from them."""
