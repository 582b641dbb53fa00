"""The figures of `memscope privacy`."""
