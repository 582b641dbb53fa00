"""The figures of `memscope memorability`."""
