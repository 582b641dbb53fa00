"""People's memorability by ViTMem (Hagen & Espeseth): a ViT-B/16 with one output, its weights in a file.

The package `vitmem` would fetch them from a hub; memscope fetches nothing, so they are a file. Both are under the MIT
licence. The network is timm's.

Reference: Hagen & Espeseth, "Image memorability prediction with vision transformers", arXiv 2301.08647.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from memscope.errors import OptionError
from memscope.predictors.published import Predictor
from memscope.predictors.weights_file import fitting, read_tensors
from memscope.torchvision_import import mend_torchvision

ARCHITECTURE = "vit_base_patch16_224_miil"
PREFIX = "vit."
"""Of every name, in the file as it is published"""
SIDE = 224
WHENCE = (
    "its weights (MIT licence, 343 MB) are the file vitmem_base_patch16_224_miil_v1-f580d24a.pth of "
    "https://huggingface.co/brainpriority/vitmem"
)


class Squashed(nn.Module):
    """The sigmoid of another network's output."""

    def __init__(self, vit: nn.Module) -> None:
        super().__init__()
        self.vit = vit

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.vit(images))


def load_vitmem(weights: Path | None) -> Predictor:
    """ViTMem with the weights of a file. OptionError without one; DataError where it is not ViTMem's, or damaged."""
    if weights is None:
        raise OptionError(
            f"--predictor vitmem needs --weights FILE: {WHENCE}; memscope downloads nothing, so get it with a browser"
        )
    mend_torchvision()  # timm imports it
    import timm

    with torch.device("meta"):  # no memory, and no draws, for weights that are replaced
        network = Squashed(timm.create_model(ARCHITECTURE, pretrained=False, num_classes=1))
    tensors = read_tensors(weights)
    if not any(name.startswith(PREFIX) for name in tensors):
        tensors = {f"{PREFIX}{name}": values for name, values in tensors.items()}
    what = f"ViTMem, timm's {ARCHITECTURE} with one output"
    network.load_state_dict(fitting(weights, tensors, network.state_dict(), what), assign=True)
    return Predictor("vitmem", "vitmem", None, SIDE, network.eval())
