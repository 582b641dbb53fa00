"""The figures of `memscope distill`."""
