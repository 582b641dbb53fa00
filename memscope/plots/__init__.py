"""Figures: arrays in, a matplotlib Figure out. A module each, and common/; nothing here reads or writes files."""

# before any module here imports matplotlib
from memscope.plots.common import matplotlib_import  # noqa: F401
