"""What the page keeps of each example from `memscope privacy`."""

from collections.abc import Iterator

import numpy as np

from memscope.findings.rates import rate_in_words
from memscope.page.columns import Column, measured, whole
from memscope.page.gallery import Gallery

BEYOND = 3_000.0
"""Of mean log-odds: one that is larger would leave no room for the tenths of the others"""


def of_privacy(gallery: Gallery) -> Iterator[Column]:
    """What LiRA makes of each in models trained with it and without it, and how many of them give it away.

    Means of log-odds are kept to a tenth, of ratios to a hundredth: finer than their errors. The ratio without it is
    that with it less the vulnerability, to the hundredth, and has no column: it would take 1.3 bytes an example.
    """
    found = gallery.groups["privacy"]
    odds_in, odds_out = (rounded(found[name], 10).clip(-BEYOND, BEYOND) for name in ("log_odds_in", "log_odds_out"))
    ratio_in, ratio_out = (rounded(found[name], 100) for name in ("ratio_in", "ratio_out"))
    apart = "vulnerability (log likelihood ratio of LiRA, with it less without it)"
    for name, title, values, parts in (
        ("log_odds_in", "mean log-odds of its label in models trained with it", odds_in, 10),
        ("log_odds_out", "mean log-odds of its label in models trained without it", odds_out, 10),
        ("ratio_in", "mean log likelihood ratio of LiRA in models trained with it", ratio_in, 100),
        ("vulnerability", apart, ratio_in - ratio_out, 100),
    ):
        rows = gallery.at_sizes("privacy", values)
        yield measured(name, title, rows, "privacy", per="size", denominator=parts, kind="uint16")
    counts = [
        ("attacked_in", "n_in", "attacked models trained with it"),
        ("attacked_out", "n_out", "attacked models trained without it"),
    ]
    if (found["flagged_in"] >= 0).any():
        counts += [
            ("flagged_in", "flagged_in", f"models trained with it in which LiRA finds it, {thresholds_for(gallery)}"),
            ("flagged_out", "flagged_out", "models trained without it in which LiRA takes it for a member"),
        ]
    for name, field, title in counts:
        numbers = gallery.at_sizes("privacy", found[field])
        yield whole(name, title, np.where(np.isnan(numbers), -1, numbers), "privacy", per="size")


def thresholds_for(gallery: Gallery) -> str:
    """at thresholds for .1% false positives, at width 2 for 1%: the rate of most sizes, then of the others"""
    found = gallery.groups["privacy"]
    rates = dict(zip(found["size"].tolist(), found["flagged_at"].tolist(), strict=True))
    known = [rate for rate in rates.values() if rate == rate]
    usual = max(known, key=known.count)
    others = [
        f"at {gallery.run.plan.axis} {size} for {rate_in_words(rate)}"
        for size, rate in rates.items()
        if rate == rate and rate != usual
    ]
    return ", ".join([f"at thresholds for {rate_in_words(usual)} false positives", *others])


def rounded(values: np.ndarray, parts: int) -> np.ndarray:
    """To whole multiples of one of so many parts of 1."""
    return np.rint(parts * values.astype(np.float64)) / parts
