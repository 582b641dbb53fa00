"""`memscope demo`: every step, on bundled real images with a tenth of the labels flipped."""

import csv
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memscope.errors import RunError
from memscope.files.places import at_home
from memscope.plan.recipe import Recipe
from memscope.plan.teaching import Teaching
from memscope.reports.demo import Demonstration
from memscope.reports.training import FailedTask
from memscope.run import open_run, plan_path
from memscope.steps.distill import distill, draw_distill_figures
from memscope.steps.exports import export_suspects
from memscope.steps.report import report
from memscope.steps.resmem import draw_resmem_figures, resmem
from memscope.steps.score import score
from memscope.steps.train_family import train_family
from memscope.steps.trajectories import draw_figures, trajectories
from memscope.work.carrying_out import Say, WorkOptions
from memscope.work.options import Choices, choices_of, with_defaults

DEMO = Choices(data="fashion-mnist-5k", examples=1000, label_noise=0.1, widths=(1, 2, 3, 5), models=40, full=1)
"""Chosen so that all of it, from training to figures, takes about a minute on two cores."""
TEACHING = Teaching(teacher=5)
STUDENTS = (3,)


def demo(
    path: str | os.PathLike[str], fresh: bool = False, *, say: Say, on_end: Any = lambda ended: None
) -> Demonstration:
    """Train, score, classify, compare, draw, and write the report.

    What is already done is not repeated; `fresh` starts over.
    """
    run = at_home(path)
    if fresh and run.exists():
        remove_demo(run)
    trained = train_family(run, DEMO, WorkOptions(), say=say, on_end=on_end)
    check(run, trained.failed)
    say("scoring")
    scores = score(run, top=5)
    say("classifying the trajectories")
    types = trajectories(run)
    memories = resmem(run, say=say, on_end=on_end)
    check(run, memories.failed or ())
    students = distill(run, TEACHING, STUDENTS, say=say, on_end=on_end)
    check(run, students.failed or ())
    say("drawing the figures")
    figures = [
        *draw_figures(run, run / "figures"),
        *draw_resmem_figures(run, run / "figures"),
        *draw_distill_figures(run, run / "figures"),
    ]
    suspects = run / "suspects.csv"
    count, _ = export_suspects(open_run(run), suspects)
    first, wrong = among_the_first(run, suspects)
    page = Path(report(run, say=say).file)
    return Demonstration(run, scores, types, memories, students, suspects, count, first, wrong, figures, page)


def among_the_first(run: Path, suspects: Path) -> tuple[int, int]:
    """How many suspects stand first, as many as labels were flipped if there are so many, and the flipped of them."""
    flipped = open_run(run).examples.flipped
    assert flipped is not None
    with open(suspects, newline="") as file:
        first = [int(row["example"]) for row in csv.DictReader(file)][: int(flipped.sum())]
    return len(first), int(flipped[first].sum())


def check(run: Path, failed: Sequence[FailedTask]) -> None:
    """RunError if a task failed."""
    for task in failed:
        raise RunError(f"{run}: models of width {task.size} could not be done: {task.reason}; see {run}/failures")


def remove_demo(run: Path) -> None:
    """Remove a demo's directory. RunError, with nothing removed, if it is anything else."""
    if plan_path(run).is_file():
        plan = open_run(run).plan
        found = choices_of(plan)
        machines = ("precision", "backend")  # a plan has what the machine gave
        expected = {name: value for name, value in vars(with_defaults(DEMO)).items() if name not in machines}
        same = all(getattr(found, name) == value for name, value in expected.items() if value is not None)
        if same and plan.recipe == Recipe():
            shutil.rmtree(run)
            return
    raise RunError(f"{run} is not a demo's run, so --fresh does not remove it; give another directory")
