"""How many cores there are to use."""

import os
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cgroup_cores(root: Path = CGROUPS) -> float | None:
    """Cores' worth of time that the limit of a container allows, by cgroup v2 or v1; None without a limit."""
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (root / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError, ZeroDivisionError):
        found = int((root / "cpu/cpu.cfs_quota_us").read_text())
        return None if found < 0 else found / int((root / "cpu/cpu.cfs_period_us").read_text())
    return None
