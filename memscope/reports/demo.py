"""What `memscope demo` has shown."""

from dataclasses import dataclass
from pathlib import Path

from memscope.reports.distill import DistillReport
from memscope.reports.resmem import ResmemReport
from memscope.reports.score import ScoreReport
from memscope.reports.trajectories import TrajectoriesReport


@dataclass(frozen=True)
class Demonstration:
    """What the demo found, for the command to print."""

    run: Path
    scores: ScoreReport
    types: TrajectoriesReport
    memories: ResmemReport
    students: DistillReport
    suspects: Path
    suspect_count: int
    suspects_looked_at: int
    """The first suspects: as many as there are flipped labels, if there are so many"""
    suspects_flipped: int
    """Flipped labels among those"""
    figures: list[Path]
    page: Path
    """The report that shows all of it"""
