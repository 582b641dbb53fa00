"""Where a run's time went: every command leaves a note, and `memscope status --timing` adds the notes up.

A command's time, from the start of its process, is divided among `PARTS`: steps say what they are doing (`spent_on`),
and workers report what they spent (`share_out`). Steps that a user's program calls leave no note.
"""

import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from memscope.errors import RunError
from memscope.files.atomic import write_atomically
from memscope.run import plan_path

PARTS = {
    "start": "from the start of the program to the first of the others: Python, torch, the data",
    "training": "of all workers over their number",
    "evaluation": "likewise",
    "waiting": "for workers to start, for the last of them, and for their files",
    "memories": "measuring residual memories and proxies",
    "scoring": "scores, types and comparisons",
    "drawing": "figures",
    "rest": "printing, exports, loading what draws",
}
"""The parts into which a command's time is divided."""
SUMMED = ("calls", "seconds", *PARTS)


class Clock:
    """The time of a running command, by part."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self.part, self.since = "start", process_start()

    def turn_to(self, part: str) -> str:
        """Count the time from now on to this part; returns the part before."""
        before, moment = self.part, now()
        self.seconds[before] += moment - self.since
        self.part, self.since = part, moment
        return before


UNDER_WAY: ContextVar[Clock | None] = ContextVar("clock of the command under way", default=None)


@contextmanager
def spent_on(part: str) -> Iterator[None]:
    """Count the time of a block, or of a decorated function, to `part`, except for other parts inside it."""
    clock = UNDER_WAY.get()
    if clock is None:
        yield
        return
    before = clock.turn_to(part)
    try:
        yield
    finally:
        clock.turn_to("rest" if before == "start" else before)


def share_out(spent: Mapping[str, float], workers: int) -> None:
    """Move time of the current block to the parts on which so many workers spent it: `spent`, their summed seconds."""
    clock = UNDER_WAY.get()
    if clock is None:
        return
    part = clock.part
    clock.turn_to(part)  # counts the time until now
    together = sum(spent.values()) / workers
    # if fewer workers came than expected, they still cannot have worked for longer than the block took
    scale = min(1.0, clock.seconds[part] / together) / workers if together else 0.0
    for name, seconds in spent.items():
        clock.seconds[name] += seconds * scale
        clock.seconds[part] -= seconds * scale


def timings(run: Path) -> Path:
    """The directory of the notes. It MAY be deleted: nothing but `status --timing` reads it."""
    return run / "timings"


@contextmanager
def timed(run: str | os.PathLike[str], command: str) -> Iterator[Clock]:
    """Note the time from the start of this process to the end of the block, if that ends well and the run exists."""
    clock = Clock()
    token = UNDER_WAY.set(clock)
    try:
        yield clock
    finally:
        UNDER_WAY.reset(token)
    clock.turn_to("rest")
    path = Path(run)
    if not plan_path(path).is_file():
        return
    note = {"command": command, "seconds": clock.seconds}
    # a full disk or a read-only run must not fail a command that has done its work
    with suppress(OSError, RunError):
        timings(path).mkdir(exist_ok=True)
        write_atomically(timings(path) / f"{uuid.uuid4().hex}.json", json.dumps(note).encode())


def process_start() -> float:
    """When this process started, in seconds after boot; if the system does not say, when this module was imported."""
    with suppress(OSError, ValueError, IndexError, AttributeError):
        fields = Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return IMPORTED


def now() -> float:
    """The time on the clock of `process_start`."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


IMPORTED = now()


def timing_rows(run: Path) -> list[dict[str, Any]]:
    """A row per command, then one for all: `command`, `calls`, `seconds`, each of PARTS, `other` (all but training)."""
    rows: dict[str, dict[str, Any]] = {}
    for file in sorted(timings(run).glob("*.json")) if timings(run).is_dir() else []:
        with suppress(OSError, ValueError, KeyError, TypeError):  # skip a damaged note: no result depends on it
            note = json.loads(file.read_text())
            command, parts = str(note["command"]), {part: float(note["seconds"][part]) for part in PARTS}
            row = rows.setdefault(command, {"command": command} | dict.fromkeys(SUMMED, 0))
            for key, value in {"calls": 1, "seconds": sum(parts.values()), **parts}.items():
                row[key] += value
    found = sorted(rows.values(), key=lambda row: -row["seconds"])
    if found:
        found.append({"command": "all"} | {key: sum(row[key] for row in found) for key in SUMMED})
    return [row | {"other": row["seconds"] - row["training"]} for row in found]
