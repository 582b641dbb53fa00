"""Figures: arrays in, a matplotlib Figure out. One module per figure; nothing here reads or writes files."""
