"""Whole networks of basic blocks in few kernels on CUDA, forward and backward."""
