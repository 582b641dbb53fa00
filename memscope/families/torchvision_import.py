"""timm beside a CPU torch: an import of torchvision that survives its missing operators.

timm imports torchvision, and `import torchvision` fails with `operator torchvision::nms does not exist` if its
wheel was built for another build of torch, as is one from PyPI beside a CPU torch. Its compiled library then cannot
be loaded, and its Python side describes operators that nobody has declared. No network of timm calls them, so
declaring them is all that the import needs.
"""

import importlib
import sys

import torch

MISSING = "operator torchvision::nms does not exist"

OPERATORS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

_declared: list[torch.library.Library] = []
"""The declarations last as long as the library object that made them"""


def import_torchvision() -> None:
    """Import torchvision; if just its `nms` operator is missing, declare the operators and try again.

    Any other failure, and a failure of the second attempt, is raised as it is. Once torchvision is imported,
    calling this again does nothing.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if MISSING not in str(error) or _declared:
            raise
        # The failed import removed `torchvision` from sys.modules but left the submodules that had loaded.
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator, schema in OPERATORS.items():
            if not hasattr(torch.ops.torchvision, operator):
                library.define(schema)
        _declared.append(library)
        importlib.import_module("torchvision")
