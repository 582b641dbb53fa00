"""What trained models say of examples, without augmentation, in eval mode: classes and log-odds, or representations."""

import numpy as np
import torch
from torch import Tensor, nn

from memscope.families import features_and_logits
from memscope.store.predictions import LARGEST
from memscope.training.inputs import Inputs, autocast

BATCH = 512
"""Examples in an evaluation batch. Fixed, because sums grouped differently could differ in the last bit."""


@torch.inference_mode()
def evaluate(model: nn.Module, data: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Predicted class int64 [N], and log-odds float16 [N] of the given label, for every example of `data`.

    The log-odds are log p_y - log sum_{y' != y} p_y' (Carlini et al. 2022). NaN logits give NaN log-odds.
    """
    model.eval()
    return said_of(model, data)


def said_of(model: nn.Module, data: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """The same of a model in whatever mode it is."""
    predictions, log_odds = [], []
    for start in range(0, len(data.images), BATCH):
        some = slice(start, start + BATCH)
        with autocast(data.device, data.precision):
            logits = model(data.of(some))
        logits = logits.float()
        predictions.append(logits.argmax(1))
        log_odds.append(log_odds_of(logits, data.labels[some]))
    # fetched together: to fetch from a GPU is to wait for it
    return torch.cat(predictions).cpu().numpy(), torch.cat(log_odds).cpu().numpy()


@torch.inference_mode()
def represent(model: nn.Module, data: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Penultimate features float32 [N, F] and logits float32 [N, classes] of every example of `data`."""
    model.eval()
    features, logits = [], []
    for start in range(0, len(data.images), BATCH):
        with autocast(data.device, data.precision):
            some_features, some_logits = features_and_logits(model, data.of(slice(start, start + BATCH)))
        features.append(some_features.float().cpu())
        logits.append(some_logits.float().cpu())
    return torch.cat(features).numpy(), torch.cat(logits).numpy()


def log_odds_of(logits: Tensor, labels: Tensor) -> Tensor:
    """float16 [n]: the label's logit less the log-sum-exp of the others', from float32 logits [n, classes]."""
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf)
    odds = own.squeeze(1) - others.logsumexp(1)
    return odds.clamp(-LARGEST, LARGEST).half()
