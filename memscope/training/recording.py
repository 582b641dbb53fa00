"""What models make of the training examples after every epoch of their training, and their weights after some.

`Recorded` is filled by whoever trains a model, at the ends of its epochs. Training goes on as if nobody had looked: the
bits of its outcome are those of a training that nobody records.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from memscope.store.dynamics import checkpoint_epochs
from memscope.store.weights import Weights
from memscope.training.evaluation import BATCH, said_of
from memscope.training.inputs import Inputs


class Recorded:
    """What is known so far of one model in training; epochs are counted from 0, as its losses are."""

    def __init__(self, epochs: int, labels: np.ndarray) -> None:
        """`labels` int [N] are those of the training examples."""
        self.labels = labels
        self.correct = np.zeros((epochs, len(labels)), dtype=bool)
        """[epochs, N]"""
        self.log_odds = np.full((epochs, len(labels)), np.nan, dtype=np.float16)
        """[epochs, N]; NaN where the epoch has not ended, or the model diverged before"""
        self.checkpoints: dict[int, Weights] = {}
        """By epoch, counted from 1"""
        self.seconds = 0.0
        """What recording took"""
        self.kept = checkpoint_epochs(epochs)

    def note(
        self, ended: Sequence[int], predictions: np.ndarray, log_odds: np.ndarray, weights: Callable[[], Weights]
    ) -> None:
        """Note what the model says of every training example at the end of some epochs, mostly of one."""
        if np.isnan(log_odds).any():  # its weights are lost, as the loss of the next step would say
            return
        self.correct[ended] = predictions == self.labels
        self.log_odds[ended] = log_odds
        for epoch in ended:
            if epoch + 1 in self.kept:
                self.checkpoints[epoch + 1] = weights()


def look_at(model: nn.Module, data: Inputs, ended: Sequence[int], into: Recorded) -> None:
    """Note what a model that torch trains says of the training examples, the first of `data`, and change nothing of it.

    They are asked in the batches of the evaluation at the end, so that the last epoch's answers are that one's.
    """
    start = time.perf_counter()
    count = len(into.labels)
    some = slice(0, -(-count // BATCH) * BATCH)
    first = Inputs(data.images[some], data.labels[some], data.mean, data.scale, data.precision)
    with unchanged(model, data.device):
        predictions, log_odds = said_of(model, first)
    into.note(ended, predictions[:count], log_odds[:count], lambda: state_of(model))
    into.seconds += time.perf_counter() - start


def state_of(model: nn.Module) -> Weights:
    """A copy of a model's weights and running statistics, on the CPU."""
    return {name: value.detach().cpu().contiguous().numpy().copy() for name, value in model.state_dict().items()}


@contextmanager
def unchanged(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Evaluation mode inside; afterwards modes, buffers and torch's generators are as before.

    Without gradients, but not in inference mode: a network of the user's that keeps a tensor could not train with it.
    """
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
            for buffer, before in buffers:
                buffer.copy_(before)
    finally:
        for module, mode in modes:
            module.training = mode
