"""Figures of `memscope memorability RUN --train`."""
