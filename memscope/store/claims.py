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
        if claimed_elsewhere(run, task):
            claimed_by_others.append(task)
        else:
            claim(run, task)
            yield task
    for task in claimed_by_others:
        if not outcome_path(run, plan, task).exists():
            yield task


def claim_path(run: Path, task: Task) -> Path:
    return run / DIRECTORY / f"{task.variant.replace('/', '+')}~{task.size}~{task_name(task)}"


def claim(run: Path, task: Task) -> None:
    path = claim_path(run, task)
    with suppress(OSError):  # a hint only
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{socket.gethostname()} {os.getpid()}")


def release(run: Path, task: Task) -> None:
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
