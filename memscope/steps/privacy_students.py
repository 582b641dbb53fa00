"""Attacks on students, for their own subsets, beside those on the one-hot models of the same size and blocks."""

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


def attack_students(
    run: Run, counts: dict[int, SizeCounts], say: Say
) -> tuple[tuple[StudentsFound, ...], tuple[str, ...]]:
    """Of every setting and size that has students; and of which there are too few, with the reason.

    `counts` are those of the one-hot models by size. RunError where there are too few of every setting and size.
    """
    found, left_out = [], []
    for teaching in distilled_settings(run.path):
        for size, onehot in counts.items():
            if not finished_tasks(run.path, run.plan, size, teaching.variant):
                continue
            blocks = shared_blocks(run, onehot, size, teaching.variant)
            if len(blocks) < FEWEST_BLOCKS:
                there = counted(len(blocks), "whole block")
                left_out.append(f"{teaching.setting}, {run.plan.axis} {size}: {there} beside one-hot models")
                continue
            say(f"attacking students of {run.plan.axis} {size}, {teaching.setting}")
            found.append(beside_onehot(run, teaching, size, blocks))
    if not found:
        raise RunError(
            f"{run.path} has no {FEWEST_BLOCKS} whole blocks of {run.plan.block} students of any size beside one-hot "
            f"models that did not diverge; train more with memscope distill {run.path} --teacher {run.plan.sizes[-1]}"
        )
    return tuple(found), tuple(left_out)


def shared_blocks(run: Run, onehot: SizeCounts, size: int, variant: str) -> list[int]:
    """Blocks that are whole of both kinds."""
    try:
        students = count_size(run, size, variant)
    except FileError:
        raise
    except RunError:  # all diverged
        return []
    return usable_blocks(run, (onehot, students))


def beside_onehot(run: Run, teaching: Teaching, size: int, blocks: list[int]) -> StudentsFound:
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
