"""The figures of `memscope trajectories`."""
