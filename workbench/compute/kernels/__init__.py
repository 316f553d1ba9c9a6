"""What runs in the processor: LLVM vectors, and the loops over kept weights made of them."""
