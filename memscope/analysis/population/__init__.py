"""Empirical Bayes over all the examples: see estimate.py."""
