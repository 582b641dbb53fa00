"""Where a run's time went: every command leaves a note, and `memscope status --timing` adds them up."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from memscope.run import plan_path
from memscope.store.atomic import write_atomically

Given = ParamSpec("Given")
Found = TypeVar("Found")
Step = Callable[Concatenate[str | os.PathLike[str], Given], Found]


@dataclass
class Timed:
    """A command under way: it adds what its workers spent on training."""

    training: float = 0.0
    """Seconds, of the wall clock: those of all workers over their number"""

    def trained(self, seconds: float, workers: int) -> None:
        """Add seconds of training that so many workers shared."""
        self.training += seconds / max(1, workers)


def timings(run: Path) -> Path:
    """The directory of the notes. It MAY be deleted: nothing but `status --timing` reads it."""
    return run / "timings"


@contextmanager
def timed(run: str | os.PathLike[str], command: str) -> Iterator[Timed]:
    """Note how long a command took, if it ends well and the run is there; starting up counts for the first one."""
    path, found = Path(run), Timed()
    yield found
    if not plan_path(path).is_file():
        return
    note = {
        "command": command,
        "process": f"{os.getpid()}-{process_start():.2f}",
        "seconds": since_start(),
        "training": found.training,
    }
    with suppress(OSError):  # a full disk or a read-only run must not fail a command that has done its work
        timings(path).mkdir(exist_ok=True)
        write_atomically(timings(path) / f"{uuid.uuid4().hex}.json", json.dumps(note).encode())


def noted(command: str) -> Callable[[Step[Given, Found]], Step[Given, Found]]:
    """Notes the time of a step that trains nothing; its first argument is the run."""

    def wrap(step: Step[Given, Found]) -> Step[Given, Found]:
        @wraps(step)
        def with_note(path: str | os.PathLike[str], *args: Given.args, **kwargs: Given.kwargs) -> Found:
            with timed(path, command):
                return step(path, *args, **kwargs)

        return with_note

    return wrap


def process_start() -> float:
    """Seconds after boot at which this process started; where the system does not tell, when this was imported."""
    with suppress(OSError, ValueError, IndexError, AttributeError):
        fields = Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return IMPORTED


def now() -> float:
    """On the clock of `process_start`."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def since_start() -> float:
    return now() - process_start()


IMPORTED = now()


def timing_rows(run: Path) -> list[dict[str, Any]]:
    """By command: `command`, `calls`, `seconds`, `training`, `other` (the rest); then the same of all of them.

    Several commands of one process, as in the demo, are counted from the end of the one before.
    """
    notes = []
    for file in sorted(timings(run).glob("*.json")) if timings(run).is_dir() else []:
        with suppress(OSError, ValueError, KeyError, TypeError):
            note = json.loads(file.read_text())
            values = float(note["seconds"]), float(note["training"])
            notes.append((str(note["process"]), values[0], values[1], str(note["command"])))
    rows: dict[str, dict[str, Any]] = {}
    before: dict[str, float] = {}
    for process, seconds, training, command in sorted(notes):
        row = rows.setdefault(command, {"command": command, "calls": 0, "seconds": 0.0, "training": 0.0})
        row["calls"] += 1
        row["seconds"] += seconds - before.get(process, 0.0)
        row["training"] += training
        before[process] = seconds
    found = sorted(rows.values(), key=lambda row: -row["seconds"])
    if found:
        total = {key: sum(row[key] for row in found) for key in ("calls", "seconds", "training")}
        found.append({"command": "all", **total})
    return [row | {"other": row["seconds"] - row["training"]} for row in found]
