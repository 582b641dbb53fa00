"""Vectorised training: models of one size stacked and, on a GPU, their steps recorded (the backend `vectorised`)."""
