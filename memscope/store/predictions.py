"""Predictions of models that somebody else trained, checked before they enter the ledger."""

import numpy as np

from memscope.errors import MemscopeError

LARGEST = 60000.0
"""Log-odds are stored as float16, which ends at 65504, so larger ones are stored as this."""


def check_predictions(
    predictions: np.ndarray, log_odds: np.ndarray | None, num_examples: int, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Somebody else's predictions and log-odds, checked and in our types: int64 and float16, both [num_examples]."""
    classes = np.asarray(predictions)
    if classes.shape != (num_examples,) or classes.dtype.kind not in "iu":
        raise MemscopeError(
            f"predictions are {classes.dtype} {classes.shape}; expected whole numbers, [{num_examples}]: a class for "
            "every training and then every test example"
        )
    if classes.min() < 0 or classes.max() >= num_classes:
        raise MemscopeError(
            f"predictions run from {classes.min()} to {classes.max()}; expected classes 0 to {num_classes - 1}"
        )
    odds = np.full(num_examples, np.nan) if log_odds is None else np.asarray(log_odds, dtype=np.float64)
    if odds.shape != (num_examples,):
        raise MemscopeError(f"log_odds are {odds.shape}; expected [{num_examples}], or None")
    return classes.astype(np.int64), np.clip(odds, -LARGEST, LARGEST).astype(np.float16)


def lost(log_odds: np.ndarray | None) -> bool:
    """Whether somebody else's model diverged: it gave log-odds, and some are NaN."""
    return log_odds is not None and bool(np.isnan(log_odds).any())
