"""Intervals, standard errors where examples share their models, ranks and areas, means of noisy groups."""
