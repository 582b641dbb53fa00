"""Intervals, standard errors that know that examples share their models, ranks and areas, means of noisy groups."""
