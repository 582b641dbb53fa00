"""Figures: arrays in, a matplotlib Figure out. A folder for each command, a module for each figure."""
