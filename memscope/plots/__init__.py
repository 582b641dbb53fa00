"""Figures: arrays in, a matplotlib Figure out. A folder for each command, a module for each figure."""

# before any module here imports matplotlib
from memscope.plots.common import matplotlib_import  # noqa: F401
