"""The names of what trains models on a CPU. Their bits differ, so a plan names one."""

TORCH = "torch"
"""PyTorch, one model after another"""
LANES = "lanes"
"""Several models in lockstep, each in its lane of every vector (training/backends/lanes)"""
BACKENDS = (TORCH, LANES)
