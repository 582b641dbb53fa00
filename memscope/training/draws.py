"""The random draws of one model, decided by its numbers alone, and the initial network that they give."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from memscope.streams import permutation, stream, stream_key


@dataclass(frozen=True)
class Draws:
    """The random streams of one model: its order and augmentation, equal at every size, and its initialisation."""

    seed: int
    size: int
    model: int
    replicate: int = 0

    @property
    def initialisation_seed(self) -> int:
        """Seed of torch's generator while the network is built, int in [0, 2^63)."""
        key = stream_key("initialisation", self.seed, self.size, self.model, self.replicate)
        return int(key[0] >> np.uint64(1))

    @property
    def layers_seed(self) -> int:
        """Seed of torch's generators during training, for layers that draw: dropout, stochastic depth."""
        key = stream_key("layers", self.seed, self.size, self.model, self.replicate)
        return int(key[0] >> np.uint64(1))

    def batches(self, subset: np.ndarray, steps: int, batch_size: int) -> Iterator[np.ndarray]:
        """Example positions of every batch, int64 [batch_size] each: shuffled epochs laid end to end."""
        waiting = np.empty(0, dtype=np.int64)
        epoch = 0
        for _ in range(steps):
            while len(waiting) < batch_size:
                source = stream("order", self.seed, self.model, self.replicate, epoch)
                waiting = np.concatenate([waiting, subset[permutation(source, len(subset))]])
                epoch += 1
            yield waiting[:batch_size]
            waiting = waiting[batch_size:]

    def augmentation(self) -> np.random.Philox:
        """The stream of augmentation words, one for each image trained, in order."""
        return stream("augmentation", self.seed, self.model, self.replicate)


@contextmanager
def torch_seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Torch's own generators, from which layers such as dropout draw: seeded inside, and restored afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def build_model(
    build: Callable[[int, tuple[int, int, int], int], nn.Module],
    draws: Draws,
    image_shape: tuple[int, int, int],
    num_classes: int,
) -> nn.Module:
    """A freshly initialised model on the CPU; torch's own generator is left as it was."""
    with torch_seeded(draws.initialisation_seed, torch.device("cpu")):
        model = build(draws.size, image_shape, num_classes)
    # channels_last pays wherever there are convolutions (2 to 3 times on CPU); it changes no value
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch does not annotate it
