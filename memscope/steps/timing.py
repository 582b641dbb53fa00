"""Where a run's time went: every command of the command line leaves a note, `memscope status --timing` adds them up."""

import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memscope.errors import RunError
from memscope.run import plan_path
from memscope.store.atomic import write_atomically


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
    """Note the time from the start of this process to the end of the block, if that ends well and the run is there."""
    found = Timed()
    yield found
    path = Path(run)
    if not plan_path(path).is_file():
        return
    note = {"command": command, "seconds": since_start(), "training": found.training}
    # a full disk or a read-only run must not fail a command that has done its work
    with suppress(OSError, RunError):
        timings(path).mkdir(exist_ok=True)
        write_atomically(timings(path) / f"{uuid.uuid4().hex}.json", json.dumps(note).encode())


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
    """By command: `command`, `calls`, `seconds`, `training`, `other` (the rest); then the same of all of them."""
    rows: dict[str, dict[str, Any]] = {}
    for file in sorted(timings(run).glob("*.json")) if timings(run).is_dir() else []:
        with suppress(OSError, ValueError, KeyError, TypeError):
            note = json.loads(file.read_text())
            command, seconds, training = str(note["command"]), float(note["seconds"]), float(note["training"])
            row = rows.setdefault(command, {"command": command, "calls": 0, "seconds": 0.0, "training": 0.0})
            row["calls"] += 1
            row["seconds"] += seconds
            row["training"] += training
    found = sorted(rows.values(), key=lambda row: -row["seconds"])
    if found:
        total = {key: sum(row[key] for row in found) for key in ("calls", "seconds", "training")}
        found.append({"command": "all", **total})
    return [row | {"other": row["seconds"] - row["training"]} for row in found]
