"""Figures: arrays in, a matplotlib Figure out. A module each, and common/; nothing here reads or writes files."""
