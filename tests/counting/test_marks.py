"""Flipped, repeated and disputed labels by type of trajectory, on a run of which all three are known."""

import numpy as np
import pytest
from click.testing import CliRunner

from memscope.cli import memscope
from memscope.run import open_run
from memscope.steps.train_family import train_family
from memscope.steps.trajectories import trajectories
from memscope.store.results import read_results
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices
from tests.counting.recorded_privacy import recorded

TRAIN, TEST, CLASSES = 200, 40, 4
REPEATED = 12
"""The first so many images are there twice"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Width 4 is right on all test images, width 2 on none. Of every fifth example width 4 says the next class if it
    has not seen it, and the label if it has."""
    place = tmp_path_factory.mktemp("marked")
    random, arrays = np.random.default_rng(0), {}
    for part, count in (("train", TRAIN), ("test", TEST)):
        arrays[f"{part}_images"] = random.integers(0, 256, (count, 8, 8, 1)).astype(np.uint8)
        arrays[f"{part}_labels"] = np.arange(count) % CLASSES
    arrays["train_images"][-REPEATED:] = arrays["train_images"][:REPEATED]
    np.savez(place / "set.npz", **arrays)
    choices = Choices(data=f"npz:{place}/set.npz", label_noise=0.1, trainer="record", widths=(2, 4), models=40)
    train_family(place / "run", choices, WorkOptions(engine="inline"))
    run = open_run(place / "run")
    labels, tested = run.examples.labels, run.examples.test_labels
    for model in range(40):
        inside = run.subset(model)
        known = inside | (np.arange(TRAIN) % 5 != 0)
        for size, train, test in (
            (2, labels, (tested + 1) % CLASSES),
            (4, np.where(known, labels, (labels + 1) % CLASSES), tested),
        ):
            run.record(size, model, np.append(train, test), None)
    return run


def test_each_type_has_what_its_examples_have(run):
    found = trajectories(run.path)
    types = np.array(read_results(run.path, "trajectories", run.plan)[0]["raw_type"])
    flipped = run.examples.flipped
    repeated = np.isin(run.examples.index, [*range(REPEATED), *range(TRAIN - REPEATED, TRAIN)])
    disputed = np.arange(TRAIN) % 5 == 0
    assert found.disputed_at == 4
    assert [row.type for row in found.marks][-1] == "all"
    for row in found.marks:
        members = (types == row.type) | (row.type == "all")
        assert (row.examples, row.flipped) == (members.sum(), flipped[members].sum())
        assert (row.near_duplicates, row.disputed) == (repeated[members].sum(), disputed[members].sum())
    rising = next(row for row in found.marks if row.type == "increasing")
    assert rising.examples == rising.disputed == disputed.sum()
    assert found.marks[-1].flipped == 20


def test_they_are_told_with_intervals_and_without_label_noise_nothing_is_said_of_flipped_ones(run, tmp_path):
    shown = CliRunner().invoke(memscope, ["trajectories", str(run.path), "--details"]).stdout
    table = shown[shown.index("What the examples of each raw type have") :]
    row = next(line for line in table.splitlines() if line.startswith("increasing"))
    assert "100.0% (94.0% to 100.0%)" in row
    assert "disputed: models of width 4" in " ".join(table.split())
    other = recorded(tmp_path / "run", {2: 0.5, 4: 1.0}, models=10)
    without = CliRunner().invoke(memscope, ["trajectories", str(other.path), "--details"]).stdout
    assert "near-duplicates" in without
    assert "flipped labels" not in without
