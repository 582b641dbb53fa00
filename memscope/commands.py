"""The commands, from Python: each does what `memscope NAME` does and gives its report (docs/json.md).

    report = memscope.commands.score("runs/mine")
    report.sizes[-1].mean_score

`plan_ahead` is `memscope train-family --dry-run`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memscope.steps.distill import distill
    from memscope.steps.resmem import resmem
    from memscope.steps.score import score
    from memscope.steps.status import status
    from memscope.steps.train_family import plan_ahead, train_family
    from memscope.steps.trajectories import trajectories

__all__ = ["distill", "plan_ahead", "resmem", "score", "status", "train_family", "trajectories"]


def __getattr__(name: str) -> Any:
    """Each is loaded when it is first used: what reads a run does without torch, which what trains loads."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "train_family" if name == "plan_ahead" else name
    return getattr(importlib.import_module(f"memscope.steps.{module}"), name)
