"""Attacks on students, for their own subsets, beside those on the one-hot models of the same size and blocks."""

from dataclasses import dataclass

from memscope.analysis.privacy.references import FEWEST_BLOCKS
from memscope.counting.outcomes import SizeCounts, count_size
from memscope.counting.privacy import material_of, usable_blocks
from memscope.counting.privacy_audit import audit_of, compared
from memscope.errors import FileError, RunError
from memscope.plan.teaching import Teaching
from memscope.reports.privacy import StudentsFound
from memscope.run import Run
from memscope.store.ledger import ONEHOT, distilled_settings, finished_tasks
from memscope.text import counted
from memscope.work.carrying_out import Say


@dataclass(frozen=True)
class Students:
    """Which students can be attacked."""

    chosen: tuple[tuple[Teaching, int, tuple[int, ...]], ...]
    """Settings, sizes, and the blocks that students and one-hot models have whole"""
    left_out: tuple[str, ...]
    """Settings and sizes of which there are too few, with the reason"""


def students_of(run: Run, counts: dict[int, SizeCounts]) -> Students:
    """Of every setting and size that has any; RunError where there are too few of all. `counts` are of the one-hot
    models by size."""
    chosen, left_out = [], []
    for teaching in distilled_settings(run.path):
        for size, onehot in counts.items():
            if not finished_tasks(run.path, run.plan, size, teaching.variant):
                continue
            blocks = shared_blocks(run, onehot, size, teaching.variant)
            if len(blocks) < FEWEST_BLOCKS:
                there = counted(len(blocks), "whole block")
                left_out.append(f"{teaching.setting}, {run.plan.axis} {size}: {there} beside one-hot models")
                continue
            chosen.append((teaching, size, tuple(blocks)))
    if not chosen:
        raise RunError(
            f"{run.path} has no {FEWEST_BLOCKS} whole blocks of {run.plan.block} students of any size beside one-hot "
            f"models that did not diverge; train more with memscope distill {run.path} --teacher {run.plan.sizes[-1]}"
        )
    return Students(tuple(chosen), tuple(left_out))


def attack_students(run: Run, students: Students, say: Say) -> tuple[StudentsFound, ...]:
    found = []
    for teaching, size, blocks in students.chosen:
        say(f"attacking students of {run.plan.axis} {size}, {teaching.setting}")
        found.append(beside_onehot(run, teaching, size, blocks))
    return tuple(found)


def shared_blocks(run: Run, onehot: SizeCounts, size: int, variant: str) -> list[int]:
    """Blocks that are whole of both kinds."""
    try:
        students = count_size(run, size, variant)
    except FileError:
        raise
    except RunError:  # all diverged
        return []
    return usable_blocks(run, (onehot, students))


def beside_onehot(run: Run, teaching: Teaching, size: int, blocks: tuple[int, ...]) -> StudentsFound:
    onehot, students = (audit_of(material_of(run, size, blocks, kind)) for kind in (ONEHOT, teaching.variant))
    asked, true, area = compared(onehot, students)
    return StudentsFound(
        setting=teaching.setting,
        size=size,
        models=len(blocks) * run.plan.block,
        blocks=len(blocks),
        teacher_on=teaching.on,
        students=students.attacks,
        onehot=onehot.attacks,
        asked=asked,
        true_positive=true,
        area=area,
    )
