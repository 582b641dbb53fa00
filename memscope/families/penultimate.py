"""Penultimate features: the input of a model's classifier, which is its last fully connected layer."""

import torch
from torch import nn

from memscope.errors import MemscopeError


def classifier_of(model: nn.Module) -> nn.Linear:
    """The layer that makes the logits: the one that timm's `get_classifier` names, else the last `nn.Linear`.

    MemscopeError if the model has no `nn.Linear`.
    """
    get_classifier = getattr(model, "get_classifier", None)
    named = get_classifier() if callable(get_classifier) else None
    if isinstance(named, nn.Linear):
        return named
    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise MemscopeError(
            f"the model {type(model).__name__} has no nn.Linear layer to take penultimate features from; "
            "give it a classifier that is one"
        )
    return linear[-1]


def features_and_logits(model: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Penultimate features [B, F] and logits [B, K] of images [B, C, H, W], in one forward pass.

    The model keeps its mode, and the current gradient and autocast settings apply. MemscopeError if the classifier
    did not get one vector per image.
    """
    seen: list[torch.Tensor] = []

    def keep(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen.append(inputs[0])

    handle = classifier_of(model).register_forward_pre_hook(keep)
    try:
        logits = model(images)
    finally:
        handle.remove()
    if len(seen) != 1 or seen[0].ndim != 2 or len(seen[0]) != len(images):
        raise MemscopeError(
            f"the classifier of the model {type(model).__name__} was given "
            f"{[tuple(features.shape) for features in seen]} for {len(images)} images; "
            "it must be called once, with one feature vector per image"
        )
    return seen[0], logits
