"""`Predictor`: a published network that gives an image one number, ready to be asked; `predict` asks it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from memscope.analysis.products import full_float32
from memscope.errors import MemscopeError
from memscope.predictors.prepared import prepared
from memscope.store.weights import content_digest

BATCH = 5
"""Images that a thread has at a time. ResMem needs 0.39 s of a core an image so, 0.37 with ten, 0.51 with one."""
GPU_BATCH = 50
MOST_WORKERS = 8
"""Threads. Eight of them take 1.7 GB with ResMem, weights, torch and all; with ten images each it would be 2.3."""


@dataclass(frozen=True, eq=False)
class Predictor:
    """A network in evaluation mode, on the CPU."""

    kind: str
    """`resmem` or `vitmem`"""
    title: str
    """With its version, where it has one"""
    licence: str | None
    """One line, where there is something that a user must know of it"""
    side: int
    """Of the square images [n, 3, side, side] that it takes"""
    network: nn.Module

    def digest(self) -> str:
        """SHA-256, in hex, of the weights, whatever file they came in."""
        return content_digest({name: values.numpy() for name, values in self.network.state_dict().items()})


def predict(predictor: Predictor, images: np.ndarray, device: torch.device, workers: int = 1) -> np.ndarray:
    """float32 [n] of images uint8 [n, H, W, C]; the network is moved to the device.

    On a CPU so many threads, at most MOST_WORKERS, have a batch each, and every batch is one thread's own: so the
    numbers are the same bits however many there are. Torch's threads, which share a batch, wait for each other busily:
    beside other work two of them were slower than one. MemscopeError where the network gives no number, or not one an
    image.
    """
    network = predictor.network.to(device)

    batch = BATCH if device.type == "cpu" else GPU_BATCH

    def of_batch(first: int) -> np.ndarray:
        inputs = torch.from_numpy(prepared(images[first : first + batch], predictor.side)).to(device)
        with torch.inference_mode():  # which is the thread's own
            values = network(inputs)
        if values.numel() != len(inputs):
            raise MemscopeError(
                f"{predictor.title} gives values of shape {tuple(values.shape)} for {len(inputs)} images, expected "
                "one an image; install the version that memscope's extra names"
            )
        return values.reshape(-1).float().cpu().numpy()

    several = min(workers, MOST_WORKERS) if device.type == "cpu" else 1
    before = torch.get_num_threads()
    with full_float32(), ThreadPoolExecutor(several, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            values = np.concatenate(list(pool.map(of_batch, range(0, len(images), batch))))
        except BaseException:  # an interruption waits for the batches in hand, and for no others
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            torch.set_num_threads(before)  # part of what a thread sets is set for all
    if not np.isfinite(values).all():
        raise MemscopeError(
            f"{predictor.title} gives {values[~np.isfinite(values)][0]} for an image, expected a number; its weights "
            "are damaged, get them again"
        )
    return values
