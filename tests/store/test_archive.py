"""Runs written by older versions stay readable and give the scores that they gave."""

import tarfile
from pathlib import Path

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
    found = status(path).results
    assert (found["score"], found["trajectories"]) == ("current", "current")
    assert len(run.dataset().train_images) == 60
    score(path)
    trajectories(path)
    for group, arrays in kept.items():
        again = run.results(group)
        for name, values in arrays.items():
            if name == "probability":  # shares of 400 draws, which are others since they are made of raw words
                assert again[name] == pytest.approx(values, abs=0.12)
            elif name == "called_type":
                assert (again[name] == values).mean() > 0.9
            elif values.dtype.kind == "f":
                assert again[name] == pytest.approx(values, abs=1e-6, nan_ok=True), (group, name)
            else:
                assert (again[name] == values).all(), (group, name)


def test_there_is_an_archive_of_the_version_that_is_written():
    from memscope.store.format import ENCODING_VERSION

    assert f"run-{ENCODING_VERSION}.tar.gz" in [path.name for path in ARCHIVES]
