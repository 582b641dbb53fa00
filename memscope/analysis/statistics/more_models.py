"""The errors that scores would have with another number of models, and the models that another error would take."""

import math


def expected_error(n_in: int, n_out: int) -> float:
    """Standard error of a score at p = 0.5 on both sides: sqrt(.25 / (n_in - 1) + .25 / (n_out - 1))."""
    return math.sqrt(0.25 / max(n_in - 1, 1) + 0.25 / max(n_out - 1, 1))


def error_with(error: float, models: int, others: int) -> float:
    """The standard error of `models` models, with `others` in their place: it falls with the square root."""
    return error * math.sqrt(models / others)


def agreement_with(agreement: float, models: int, others: int) -> float:
    """The agreement of halves of another number of models (Spearman 1910; Brown 1910); NaN where there is none."""
    if not agreement > 0:
        return float("nan")
    times = others / models
    return times * agreement / (1 + (times - 1) * agreement)


def models_for_error(models: int, error: float, target: float) -> int:
    """Models for another standard error."""
    return math.ceil(models * (error / target) ** 2 - 1e-9)


def models_for_agreement(models: int, agreement: float, target: float) -> int | None:
    """Models for another agreement of their halves, by the formula of `agreement_with`; None where there is none."""
    if not 0 < agreement < 1:
        return None
    return math.ceil(models * target / (1 - target) * (1 - agreement) / agreement - 1e-9)
