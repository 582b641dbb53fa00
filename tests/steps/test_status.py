"""`status` recommends no command that refuses: both ask the same conditions."""

from pathlib import Path

import numpy as np
import pytest

from memscope.errors import MemscopeError
from memscope.findings.status import commands
from memscope.run import open_run
from memscope.steps.score import score
from memscope.steps.status import status
from memscope.steps.train_family import train_family
from memscope.steps.trajectories import trajectories
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices


def recorded(tiny_npz: Path, path: Path, diverged: dict[int, int]) -> Path:
    """A run of ten models at widths 2 and 4, of which so many of a width diverged."""
    choices = Choices(data=f"npz:{tiny_npz}", trainer="record", widths=(2, 4), models=10)
    train_family(path, choices, WorkOptions(engine="inline"))
    run = open_run(path)
    count = len(run.examples.labels) + len(run.examples.test_labels)
    for size in (2, 4):
        for model in range(10):
            odds = np.full(count, np.nan if model < diverged.get(size, 0) else 1.0)
            run.record(size, model, np.zeros(count, dtype=np.int64), odds)
    return path


@pytest.mark.parametrize(("lost", "refused"), [({4: 10}, True), ({4: 9, 2: 3}, False), ({}, False)])
def test_sizes_whose_models_all_diverged_are_not_scored_and_not_recommended(tiny_npz, tmp_path, lost, refused):
    run = recorded(tiny_npz, tmp_path / "run", lost)
    found = status(run)
    for name, command in (("score", score), ("trajectories", trajectories)):
        assert found.not_yet.get(name, "") == ("all models of width 4 diverged" if refused else "")
        if refused:
            with pytest.raises(MemscopeError, match="10 that diverged"):
                command(run)
        else:
            command(run)
    names = [one.words[1] for one in commands(found)]
    assert names == ([] if refused else ["score"])
    assert {"resmem", "distill"} <= set(found.not_yet)


def test_a_damaged_outcome_does_not_stop_it(tiny_npz, tmp_path):
    run = recorded(tiny_npz, tmp_path / "run", {})
    for file in (run / "outcomes").rglob("*.h5"):
        file.write_bytes(file.read_bytes()[:-100])
    assert status(run).not_yet.get("score", "") == ""
