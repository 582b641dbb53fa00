"""Vectorised training: models of one size stacked, on a GPU with their steps recorded (`Backend` `vectorised`)."""
