"""Claims: a hint to other processes on the same run that a task is being worked on.

Two calls on one run share its tasks. Only a finished file counts; a claim merely keeps a second process from starting
what the first is working on while there is other work. A claim that is left behind does no harm: its task only comes
last.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from memscope.files.atomic import process_exists
from memscope.store.ledger import Task

DIRECTORY = ".claims"


def unfinished(
    run: Path, bundles: Sequence[tuple[Task, ...]], path_of: Callable[[Task], Path]
) -> Iterator[tuple[Task, ...]]:
    """The tasks of each bundle that have no file when the bundle is asked for; they are claimed as they are given out.

    Tasks that others have claimed come last, if they are not finished by then.
    """
    claimed_by_others = []
    for bundle in bundles:
        missing = tuple(task for task in bundle if not path_of(task).exists())
        if not missing:
            continue
        claimed = [claim(run, path_of(task)) for task in missing]
        if all(claimed):
            yield missing
        else:
            claimed_by_others.append(missing)
    for bundle in claimed_by_others:
        missing = tuple(task for task in bundle if not path_of(task).exists())
        if missing:
            yield missing


def claim_path(run: Path, path: Path) -> Path:
    """The claim on the task whose file is to be at `path`."""
    return run / DIRECTORY / path.relative_to(run).as_posix().replace("/", "+")


def claim(run: Path, path: Path) -> bool:
    """Claim a task, unless another process that is not known to be dead has claimed it; whether we have it."""
    claimed = claim_path(run, path)
    with suppress(OSError):  # only a hint: if it cannot be written, the task is done all the same
        claimed.parent.mkdir(exist_ok=True)
        mine = f"{socket.gethostname()} {os.getpid()}"
        try:
            with open(claimed, "x") as file:
                file.write(mine)
        except FileExistsError:
            if claimed_elsewhere(run, path):
                return False
            claimed.write_text(mine)
    return True


def release(run: Path, path: Path) -> None:
    """Take back our own claim."""
    if not claimed_elsewhere(run, path):
        with suppress(OSError):
            claim_path(run, path).unlink(missing_ok=True)


def claimed_elsewhere(run: Path, path: Path) -> bool:
    """Whether another process, not known to be dead, has claimed the task."""
    try:
        host, process = claim_path(run, path).read_text().split()
        if host != socket.gethostname():
            return True
        return int(process) != os.getpid() and process_exists(int(process))
    except ValueError:  # empty: its process has created it and is about to write who it is
        return True
    except OSError:
        return False
