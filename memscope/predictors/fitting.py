"""Fitting a network to one number an image: a plain regression, deterministic, stopped where validation says.

What comes in: a network, images as uint8 [N, H, W, C], labels, the target of every image, and which images are fitted
to and which validate. What goes out: the weights of the best epoch and what they say of all images. Everything random
comes from streams.py, before the first step; a fit is the same whatever the workers.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from memscope.predictors.backbones import Regressor
from memscope.store.weights import Weights
from memscope.streams import permutation, stream, stream_key
from memscope.training.augmentation import augment_batch, crop_padding, draw_shifts
from memscope.training.draws import torch_seeded
from memscope.training.inputs import Inputs, autocast, normalise
from memscope.under_way import part

BATCH = 32
"""With 192 pictures of a planted square a ResNet-18 foretold .99 of it in 20 epochs; with 64 at a time and the same
rate .99 too, but whether label and picture agree (.72) only by .24: too few steps."""
EVALUATED = 512
"""Images at a time where nothing is fitted, at most. How many follows from their size alone: sums that are grouped in
another way could differ in the last bit"""
INPUTS = 2**24
"""Pixels and colours at a time: 111 images of 224 x 224 in colour, whose first maps take 360 MB"""
WARM_UP = 0.15
"""Share of the steps in which the learning rate rises; then it falls along a cosine"""


@dataclass(frozen=True)
class FitRecipe:
    """How predictors are fitted."""

    epochs: int = 20
    learning_rate: float = 3e-3
    """At .001 the same ResNet foretold .63 in 10 epochs of 64 at a time, at .003 .95"""
    weight_decay: float = 0.05
    augment: str = "crop"
    """As in a plan: `none`, `crop`, `flip` or `flip-crop`"""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A network that was fitted."""

    weights: Weights
    """Of the best epoch"""
    said: np.ndarray
    """float32 [N], of every image, in the target's units"""
    course: np.ndarray
    """float64 [epochs, 2], squared error per image, standardised: while fitting, and of the validation images after"""
    epoch: int
    """The best one, from 1; 0 where the fit diverged at once"""


def seed_of(name: str, seed: int) -> int:
    """A seed of torch's generator, int in [0, 2^63), from the stream of this name."""
    return int(stream_key(name, seed)[0] >> np.uint64(1))


def rate_at(step: int, steps: int, peak: float) -> float:
    """The learning rate of a step: up in a line, down along a cosine."""
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return peak * (step + 1) / warm
    return float(peak * 0.5 * (1 + np.cos(np.pi * (step - warm) / max(1, steps - warm))))


class Descent:
    """AdamW's steps, by the function that torch's own class calls (which would load torch's compiler: 2 s, 70 MB)."""

    def __init__(self, network: nn.Module, weight_decay: float) -> None:
        every: list[Tensor] = [parameter for parameter in network.parameters() if parameter.requires_grad]
        # scales, shifts and biases are not decayed
        self.groups = [
            ([one for one in every if one.ndim > 1], weight_decay),
            ([one for one in every if one.ndim <= 1], 0.0),
        ]
        self.state = {
            id(one): (torch.zeros_like(one), torch.zeros_like(one), torch.zeros((), device=one.device)) for one in every
        }

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for group, decay in self.groups:
            moving = [one for one in group if one.grad is not None]
            if not moving:
                continue
            first, second, steps = (
                list(column) for column in zip(*(self.state[id(one)] for one in moving), strict=True)
            )
            adamw(
                moving,
                [one.grad for one in moving if one.grad is not None],
                first,
                second,
                [],
                steps,
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=rate,
                weight_decay=decay,
                eps=1e-8,
                maximize=False,
            )
            for one in moving:
                one.grad = None


def fit(
    network: Regressor,
    data: Inputs,
    target: np.ndarray,
    fitted: np.ndarray,
    validating: np.ndarray,
    recipe: FitRecipe,
    seed: int,
) -> Fitted:
    """Fit a network, on the device of the data, to targets [N] at the positions `fitted` int64 [n].

    Targets are standardised by those that are fitted to, and the last layer is brought back to their units in the end.
    The weights kept are those after the epoch whose squared error at the positions `validating` is least. `target` is
    known at all these positions.
    """
    known = target[fitted]
    mean, sd = float(known.mean()), float(known.std()) or 1.0  # a target that is all one number
    wanted = torch.from_numpy(((target - mean) / sd).astype(np.float32)).to(data.device)
    steps_an_epoch = max(1, len(fitted) // BATCH)
    steps = recipe.epochs * steps_an_epoch
    descent, side = Descent(network, recipe.weight_decay), data.images.shape[1]
    words = stream("predictor augmentation", seed)
    course = np.full((recipe.epochs, 2), np.nan)
    best, kept, chosen = np.inf, weights_of(network), 0
    with torch_seeded(seed_of("predictor layers", seed), data.device):
        for epoch in range(recipe.epochs):
            order = fitted[permutation(stream("predictor order", seed, epoch), len(fitted))]
            network.train()
            total = torch.zeros((), device=data.device)
            for number in range(steps_an_epoch):
                # the last batch takes what is left: of one image alone batch normalisation has no mean
                some = order[number * BATCH :] if number == steps_an_epoch - 1 else order[number * BATCH :][:BATCH]
                index = torch.from_numpy(some).to(data.device)
                loss = squared_error(network, data, index, wanted[index], words, recipe.augment, side)
                loss.backward()
                descent.step(rate_at(epoch * steps_an_epoch + number, steps, recipe.learning_rate))
                total += loss.detach() * len(some)
            here = said_of(network, data, validating)
            error = float(((here - wanted[validating].cpu().numpy()) ** 2).mean())
            course[epoch] = float(total) / len(fitted), error
            if not np.isfinite(course[epoch]).all():
                break
            if error < best:
                best, kept, chosen = error, weights_of(network), epoch + 1
            part((epoch + 1) / recipe.epochs)
    load(network, kept)
    with torch.no_grad():  # from here on it speaks in the target's units
        network.last.weight *= sd
        network.last.bias.mul_(sd).add_(mean)
    said = said_of(network, data, np.arange(len(data.images)))
    return Fitted(weights_of(network), said, course, chosen)


def squared_error(
    network: Regressor,
    data: Inputs,
    index: Tensor,
    wanted: Tensor,
    words: np.random.Philox,
    augment: str,
    side: int,
) -> Tensor:
    """The mean over a batch, of images that are shifted and mirrored as the recipe has it."""
    batch = data.images[index]
    if augment != "none":
        drawn = draw_shifts(words.random_raw(len(index)), augment, side)
        rows, columns, mirror = (torch.from_numpy(array).to(data.device) for array in drawn)
        batch = augment_batch(batch, rows, columns, mirror, crop_padding(augment, side))
    with autocast(data.device, data.precision):
        said = network(normalise(batch, data.mean, data.scale), data.labels[index])
    return (said.float() - wanted).square().mean()


@torch.inference_mode()
def said_of(network: Regressor, data: Inputs, positions: np.ndarray) -> np.ndarray:
    """What a network says of the images at these positions, float32 [n]."""
    network.eval()
    found = []
    rows = max(1, min(EVALUATED, INPUTS // network.inputs))
    for start in range(0, len(positions), rows):
        index = torch.from_numpy(positions[start : start + rows]).to(data.device)
        with autocast(data.device, data.precision):
            said = network(data.of(index), data.labels[index])
        found.append(said.float().cpu().numpy())
    return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)


def weights_of(network: nn.Module) -> Weights:
    """A copy of the weights as they are."""
    return {name: value.detach().cpu().clone().contiguous().numpy() for name, value in network.state_dict().items()}


def load(network: nn.Module, weights: Weights) -> None:
    network.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
