"""Influential pairs: which of all pairs of a training and a test example stand out, and which would by chance."""
