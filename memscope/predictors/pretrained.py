"""Weights that a network of timm begins with, from a file: safetensors, or what torch.save wrote."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from memscope.errors import DataError
from memscope.families.registry import ImageShape
from memscope.predictors.backbones import Backbone, timm_body
from memscope.predictors.weights_file import fitting, read_tensors

PIECE = 2**20


def load_pretrained(network: nn.Module, path: Path, name: str) -> None:
    """Give a network of timm, which has no classifier, the weights of a file, whose classifier is left out.

    DataError unless the file has a float for every weight and every mean of the network.
    """
    tensors = read_tensors(path)
    expected = {key: values for key, values in network.state_dict().items() if values.is_floating_point()}
    surplus = [key for key in tensors if key not in expected]
    classifier = {key.rpartition(".")[0] for key in surplus if tensors[key].is_floating_point()}
    if len(classifier) > 1:
        raise DataError(
            f"{path}: found {surplus[0][:80]!r} among {len(tensors):,} tensors, which timm's {name} has not; expected "
            "its weights, with or without a classifier; give the file of that network"
        )
    body = {key: values for key, values in tensors.items() if key in expected}
    with torch.no_grad():
        network.load_state_dict(fitting(path, body, expected, f"timm's {name}"), strict=False)


def check_pretrained(backbones: Sequence[Backbone], image_shape: ImageShape, path: Path | None) -> None:
    """DataError where the file is not of the networks that are to begin with it: before anything is fitted."""
    for backbone in backbones:
        if path is not None and backbone.pretrained:
            load_pretrained(network_in(timm_body(backbone, image_shape)[0]), path, backbone.name)


def network_in(body: nn.Module) -> nn.Module:
    """The network of timm in the body of a backbone that is to begin with weights: behind what scales images up."""
    return list(body.children())[-1]


def digest_of(path: Path) -> str:
    """SHA-256, in hex, of a file."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror or error}; expected weights; check the file"
        ) from error
    return digest.hexdigest()
