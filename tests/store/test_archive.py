"""Runs written by older versions stay readable and give the scores that they gave."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from memscope.run import open_run
from memscope.steps.score import score
from memscope.steps.status import status
from memscope.steps.trajectories import trajectories

ARCHIVES = sorted((Path(__file__).parent / "archive").glob("run-*.tar.gz"))


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name)
def test_an_archived_run_is_read_and_scored_again_to_the_same_numbers(archive, tmp_path):
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    path = tmp_path / "run"
    run = open_run(path)
    kept = {group: run.results(group) for group in ("score", "trajectories")}
    found = status(path)["results"]
    assert (found["score"], found["trajectories"]) == ("current", "current")
    assert len(run.dataset().train_images) == 60
    score(path)
    trajectories(path)
    for group, arrays in kept.items():
        again = run.results(group)
        for name, values in arrays.items():
            floats = values.dtype.kind == "f"
            same = (
                np.allclose(again[name], values, atol=1e-6, equal_nan=True) if floats else (again[name] == values).all()
            )
            assert same, (group, name)


def test_there_is_an_archive_of_the_version_that_is_written():
    from memscope.store.format import ENCODING_VERSION

    assert f"run-{ENCODING_VERSION}.tar.gz" in [path.name for path in ARCHIVES]
