"""The commands, from Python: each does what `memscope NAME` does and gives its report (docs/json.md).

report = memscope.commands.score("runs/mine")
report.sizes[-1].mean_score

`plan_ahead` is `train-family --dry-run`.
"""

from memscope.steps.distill import distill
from memscope.steps.resmem import resmem
from memscope.steps.score import score
from memscope.steps.status import status
from memscope.steps.train_family import plan_ahead, train_family
from memscope.steps.trajectories import trajectories

__all__ = ["distill", "plan_ahead", "resmem", "score", "status", "train_family", "trajectories"]
