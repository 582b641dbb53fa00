"""What the examples of each type have that may be why they are memorised: wrong, doubtful or repeated ones."""

import numpy as np

from memscope.analysis.trajectories import TYPES
from memscope.counting.suggestions import disputed_by
from memscope.reports.trajectories import TypeMarks
from memscope.run import Run


def marks_of(run: Run, raw: np.ndarray, judges: int) -> tuple[TypeMarks, ...]:
    """A row for each type of `raw`, text [N], and one for all; the models of the size `judges` dispute labels."""
    examples = run.examples
    disputed, repeated = disputed_by(run, judges), examples.near_group >= 0
    every = np.ones(len(raw), dtype=bool)
    return tuple(
        TypeMarks(
            type=name,
            examples=int(members.sum()),
            flipped=None if examples.flipped is None else int(examples.flipped[members].sum()),
            near_duplicates=int(repeated[members].sum()),
            disputed=int(disputed[members].sum()),
        )
        for name, members in [*((name, raw == name) for name in TYPES), ("all", every)]
    )
