"""Carrying out tasks with an engine and keeping what they give; the data set that they need; where the time goes."""
