"""torchvision beside a CPU torch: an import of it that survives its missing operators, whoever imports it.

`import torchvision` fails with `operator torchvision::nms does not exist` where its wheel was built for another
build of torch, as one from PyPI beside a CPU torch: its compiled library cannot be loaded, and the Python side then
describes operators that nobody declared. No network for classification calls them, so their declaration is all that
the import needs. timm imports torchvision, and so do the user's own modules, or what these import, at their top or in
a function that is called later: therefore the mend waits at the import itself.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

MISSING = "operator torchvision::nms does not exist"

OPERATORS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

_declared: list[Any] = []
"""The declarations last as long as the library object that made them"""


class Mending(SourceFileLoader):
    """Runs torchvision; where just its `nms` operator is missing, declares the operators and runs it again.

    Any other failure, and a failure of the second attempt, is raised as it is.
    """

    def exec_module(self, module: ModuleType) -> None:
        try:
            super().exec_module(module)
        except RuntimeError as error:
            if MISSING not in str(error) or _declared:
                raise
            for name in [name for name in sys.modules if name.startswith("torchvision.")]:
                del sys.modules[name]  # those that had loaded would not be run again
            declare_operators()
            super().exec_module(module)


class TorchvisionFinder(MetaPathFinder):
    """Finds torchvision where Python does, and has it run by `Mending`."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "torchvision":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Mending(spec.loader.name, spec.loader.path)
        return spec


def declare_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator, schema in OPERATORS.items():
        if not hasattr(torch.ops.torchvision, operator):
            library.define(schema)
    _declared.append(library)


def mend_torchvision() -> None:
    """See to it that from now on `import torchvision` does not fail for its missing operators. It is not imported."""
    if not any(isinstance(finder, TorchvisionFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, TorchvisionFinder())
