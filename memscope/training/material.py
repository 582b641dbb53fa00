"""What every model of a run is trained and evaluated on: the images on the device, labels, and the family."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from memscope.errors import RunError
from memscope.families import Family, open_family
from memscope.plan.plan import Plan
from memscope.store.examples import Examples, RunData, open_images
from memscope.store.weights import Weights
from memscope.training.draws import Draws, build_model
from memscope.training.inputs import Inputs


@dataclass(frozen=True, eq=False)
class Material:
    """A run's data set on one device, N training examples before M test examples, and the family of the models."""

    plan: Plan
    family: Family
    images: Tensor
    """uint8 [N + M, H, W, C]"""
    labels: Tensor
    """int64 [N + M]"""
    mean: Tensor
    """float32 [C], in units of the 0-255 pixels"""
    scale: Tensor
    """float32 [C]"""
    image_shape: tuple[int, int, int]
    num_train: int
    num_classes: int

    @property
    def inputs(self) -> Inputs:
        """The examples as models are trained on them."""
        return Inputs(self.images, self.labels, self.mean, self.scale, self.plan.precision)

    @property
    def train_labels(self) -> np.ndarray:
        """int64 [N]"""
        return self.labels[: self.num_train].cpu().numpy()

    @property
    def device(self) -> torch.device:
        return self.images.device

    def untrained(self, draws: Draws) -> nn.Module:
        """A freshly initialised model on the CPU."""
        return build_model(self.family.build, draws, self.image_shape, self.num_classes)

    def trained(self, size: int, weights: Weights, model: nn.Module | None = None) -> nn.Module:
        """A model of this size with these weights, in evaluation mode; RunError if they do not fit such a model.

        `model` is a model of this size that may be overwritten for it.
        """
        if model is None:
            model = self.untrained(Draws(0, size, 0)).to(self.device)
        try:
            model.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise RunError(
                f"the weights are not of {self.family.name} at {self.family.axis} {size}: {reason}"
            ) from None
        return model.eval()


def open_material(run: Path, plan: Plan, examples: Examples, device: torch.device) -> Material:
    """The material of a run. RunError if the image cache is missing or damaged."""
    return material_of(plan, RunData(examples, open_images(run, examples)), device)


def material_of(plan: Plan, data: RunData, device: torch.device) -> Material:
    """The material of a run whose data set is in memory."""
    examples = data.examples
    with warnings.catch_warnings():
        # images in Ray's object store are read-only, of which torch warns; nothing here writes to them
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        images = torch.from_numpy(data.images)
    return Material(
        plan=plan,
        family=open_family(plan.family, axis=plan.axis, fixed=plan.fixed),
        images=images.to(device),
        labels=torch.from_numpy(np.concatenate([examples.labels, examples.test_labels])).to(device),
        mean=torch.tensor(examples.channel_mean, dtype=torch.float32, device=device),
        # a constant channel has no spread to divide by
        scale=torch.tensor(1 / np.maximum(examples.channel_sd, 1), dtype=torch.float32, device=device),
        image_shape=examples.image_shape,
        num_train=len(examples.labels),
        num_classes=len(examples.class_names),
    )
