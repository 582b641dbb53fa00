"""Claims: a hint to other processes on the same run that a task is being worked on.

Two `train-family` on one run share its tasks. The only thing that counts is a finished file; a claim merely
keeps a second process from starting what the first is at, while there is other work. A claim that is left
behind costs nothing: its task comes last instead of in its turn.
"""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from memscope.plan import Plan
from memscope.store.atomic import process_exists
from memscope.store.ledger import Task, outcome_path, task_name

DIRECTORY = ".claims"


def unfinished(run: Path, plan: Plan, tasks: Sequence[Task]) -> Iterator[Task]:
    """The tasks that still have no outcome when they are asked for, each claimed as it is given out.

    What others have claimed comes last, if it is not finished by then.
    """
    claimed_by_others = []
    for task in tasks:
        if outcome_path(run, plan, task).exists():
            continue
        if claim(run, task):
            yield task
        else:
            claimed_by_others.append(task)
    for task in claimed_by_others:
        if not outcome_path(run, plan, task).exists():
            yield task


def claim_path(run: Path, task: Task) -> Path:
    return run / DIRECTORY / f"{task.variant.replace('/', '+')}~{task.size}~{task_name(task)}"


def claim(run: Path, task: Task) -> bool:
    """Claim a task, unless another process that is not known to be dead has done so."""
    path = claim_path(run, task)
    with suppress(OSError):  # a hint only: where it cannot be written the task is done all the same
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = f"{socket.gethostname()} {os.getpid()}"
        try:
            with open(path, "x") as file:
                file.write(mine)
        except FileExistsError:
            if claimed_elsewhere(run, task):
                return False
            path.write_text(mine)
    return True


def release(run: Path, task: Task) -> None:
    """Take back our own claim."""
    if not claimed_elsewhere(run, task):
        with suppress(OSError):
            claim_path(run, task).unlink(missing_ok=True)


def claimed_elsewhere(run: Path, task: Task) -> bool:
    """Whether another process, not known to be dead, has claimed the task."""
    try:
        host, process = claim_path(run, task).read_text().split()
        if host != socket.gethostname():
            return True
        return int(process) != os.getpid() and process_exists(int(process))
    except (OSError, ValueError):
        return False
