"""Carrying out tasks with an engine and keeping their products; the data set that they need; where the time goes."""
