"""What flipped labels show, for the reports of the commands that compare models."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LabelScores:
    """Mean scores by whether the label was flipped; only with label noise."""

    mean_score_flipped: float
    """Mean score of the flipped labels"""
    mean_score_clean: float
    """Mean score of the others"""
