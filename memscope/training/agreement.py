"""Are these the weights of that outcome? Compare their logits, computed again, with what the ledger says of the model.

Rounding makes them differ too, depending on the precision and the kind of device. `rounding` says by how much.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from memscope.errors import RunError
from memscope.store.ledger import Outcome
from memscope.training.evaluation import log_odds_of

TURNED = 0.01
"""Share of an outcome's predictions that its weights may contradict, beyond what rounding explains."""
MOVED = 0.1
"""The same for the log-odds. Models that fit easy data predict alike, but seldom equally surely: see `rounding`."""


@dataclass(frozen=True)
class Made:
    """How logits were computed."""

    precision: str
    device: str

    def __str__(self) -> str:
        return f"{self.precision} on {self.device}"


def rounding(recorded: Made, here: Made) -> float:
    """How far rounding may move a logit, as a share of the spread (largest less smallest) of the example's logits.

    Measured on 168 models (`cnn` and `resnet8` of width 2 to 8 and `resnet32` of width 4 on 500 of Fashion-MNIST, `cnn`
    of width 16 on 5,000) whose logits were computed again: how far the predicted class fell behind at most, and the
    largest share of one model's predictions that changed.
    - float32 on a CPU, by other kernels or in float64: 3.4e-7, 0.04 %; logits moved by 5.8e-6 at most.
    - float32 as on GPUs, where products may round to TF32 (10 bits; imitated on a CPU): 0.0022, 0.28 %.
    - float32 in bfloat16 and bfloat16 in float32: 0.052, 4.2 %; beyond 0.05 at most 0.04 %.
    No log-odds moved beyond these limits. With the weights of another model of the same size, at least 10.6 % of the
    predictions and 25 % of the log-odds lie beyond them; for the `cnn` on all 5,000, which it fits, 2.1 % and 43 %.
    """
    if recorded.precision != "float32" or here.precision != "float32":
        return 0.05
    return 1e-4 if recorded.device == here.device == "cpu" else 5e-3


def check_agreement(
    logits: np.ndarray, labels: np.ndarray, outcome: Outcome, position: int, path: Path, here: Made
) -> None:
    """RunError if weights do not give, up to rounding, what the ledger says of their model."""
    recorded = Made(outcome.made_by.get("precision", "unknown"), outcome.made_by.get("device", "unknown"))
    allowed = rounding(recorded, here) * np.ptp(logits, axis=1)
    predicted = np.concatenate([outcome.predicted_train[position], outcome.predicted_test[position]])
    examples, classes = logits.shape
    own = np.where(predicted < classes, logits[np.arange(examples), np.minimum(predicted, classes - 1)], -np.inf)
    same = logits.argmax(1) == predicted
    turned = float((~same & ~(logits.max(1) - own <= allowed)).mean())
    log_odds = np.concatenate([outcome.log_odds_train[position], outcome.log_odds_test[position]]).astype(np.float32)
    again = log_odds_of(torch.from_numpy(logits), torch.from_numpy(labels)).float().numpy()
    # log-odds move with the label's logit and with the others; they are float16, which rounds by 1 in 2048 at most
    moved = float((~(np.abs(again - log_odds) <= 2 * allowed + np.abs(log_odds) / 1024)).mean())
    if turned > TURNED or moved > MOVED:
        raise RunError(
            f"{path}: these weights give {same.mean():.1%} of the ledger's predictions (it: {recorded}, here: {here}); "
            f"{turned:.1%} of the predictions and {moved:.1%} of the log-odds differ beyond rounding, expected at most "
            f"{TURNED:.0%} and {MOVED:.0%}: they are not the weights of that outcome. Delete the file and run memscope "
            "train-family with --missing-weights"
        )
