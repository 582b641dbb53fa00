"""Figures of `memscope influence`."""
