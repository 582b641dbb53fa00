"""The commands, from Python: each does what `memscope NAME` does and gives its report (docs/json.md).

    report = memscope.commands.score("runs/mine")
    report.sizes[-1].mean_score

`plan_ahead` is `memscope train-family --dry-run`. The options of the command line come in dataclasses: `Choices` (what
is trained), `WorkOptions` (how the work is carried out), `Until` (when to stop adding models), `Teaching` (of
`distill`), `MemoryOptions` (of `resmem`), `Source` (of `memorability`), `Training` (of `train_predictor`, which is
`memscope memorability RUN --train`), `Removing` (of `remove`, `peel` and `plan_arms`, which are `memscope influence RUN
--remove N`, `--peel N`, and either with `--dry-run`) and `Drawing` (where figures go, and how they look).
`predict_memorisation` is `memscope memorability predict`. `stored_report(run, "trajectories")` is
`memscope trajectories RUN --stored`.

    from memscope.commands import Choices, Teaching, distill, train_family

    if __name__ == "__main__":  # in a script: workers import it
        train_family("runs/mine", Choices(data="npz:mine.npz", widths=(2, 4), models=10))
        distill("runs/mine", Teaching(4))
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memscope.counting.standard_errors import Until
    from memscope.plan.teaching import Teaching
    from memscope.predictors.training import Training
    from memscope.steps.convergence import convergence
    from memscope.steps.distill import distill
    from memscope.steps.doctor import doctor
    from memscope.steps.drawing import Drawing
    from memscope.steps.influence import influence
    from memscope.steps.listings import datasets, families
    from memscope.steps.memorability import memorability
    from memscope.steps.predict import predict_memorisation
    from memscope.steps.predictor import train_predictor
    from memscope.steps.privacy import privacy
    from memscope.steps.proxies import proxies
    from memscope.steps.removal import peel, plan_arms, remove
    from memscope.steps.report import report
    from memscope.steps.resmem import MemoryOptions, resmem
    from memscope.steps.score import score
    from memscope.steps.status import status
    from memscope.steps.stored import stored_report
    from memscope.steps.train_family import plan_ahead, train_family
    from memscope.steps.trajectories import trajectories
    from memscope.work.carrying_out import WorkOptions
    from memscope.work.memorability import Source
    from memscope.work.options import Choices
    from memscope.work.removal_sets import Removing

__all__ = [
    "Choices",
    "Drawing",
    "MemoryOptions",
    "Removing",
    "Source",
    "Teaching",
    "Training",
    "Until",
    "WorkOptions",
    "convergence",
    "datasets",
    "distill",
    "doctor",
    "families",
    "influence",
    "memorability",
    "peel",
    "plan_ahead",
    "plan_arms",
    "predict_memorisation",
    "privacy",
    "proxies",
    "remove",
    "report",
    "resmem",
    "score",
    "status",
    "stored_report",
    "train_family",
    "train_predictor",
    "trajectories",
]

HOMES = {
    "memscope.counting.standard_errors": ("Until",),
    "memscope.plan.teaching": ("Teaching",),
    "memscope.predictors.training": ("Training",),
    "memscope.steps.convergence": ("convergence",),
    "memscope.steps.distill": ("distill",),
    "memscope.steps.doctor": ("doctor",),
    "memscope.steps.drawing": ("Drawing",),
    "memscope.steps.influence": ("influence",),
    "memscope.steps.listings": ("datasets", "families"),
    "memscope.steps.memorability": ("memorability",),
    "memscope.steps.predict": ("predict_memorisation",),
    "memscope.steps.predictor": ("train_predictor",),
    "memscope.steps.privacy": ("privacy",),
    "memscope.steps.proxies": ("proxies",),
    "memscope.steps.removal": ("peel", "plan_arms", "remove"),
    "memscope.steps.report": ("report",),
    "memscope.steps.resmem": ("MemoryOptions", "resmem"),
    "memscope.steps.score": ("score",),
    "memscope.steps.status": ("status",),
    "memscope.steps.stored": ("stored_report",),
    "memscope.steps.train_family": ("plan_ahead", "train_family"),
    "memscope.steps.trajectories": ("trajectories",),
    "memscope.work.carrying_out": ("WorkOptions",),
    "memscope.work.memorability": ("Source",),
    "memscope.work.options": ("Choices",),
    "memscope.work.removal_arms": ("Removing",),
}


def __getattr__(name: str) -> Any:
    """Each is loaded when it is first used: what reads a run does without torch, which what trains loads."""
    for module, names in HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
