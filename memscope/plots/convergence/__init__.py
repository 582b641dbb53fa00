"""The figures of `memscope convergence`."""
