"""Membership inference: attacks on the members of a model, from the log-odds of other models as references."""
