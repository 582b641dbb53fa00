"""The neighbours of the gallery are those of a plain search in float64 over the memory of one model."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from memscope.page import neighbours
from memscope.page.neighbours import COUNT, features_of, neighbours_of, without_itself
from memscope.run import open_run
from memscope.store.ledger import finished_tasks, read_outcome


@pytest.fixture
def copy(full_run, tmp_path) -> Path:
    shutil.copytree(full_run, tmp_path / "run")
    return tmp_path / "run"


def expected(features: np.ndarray, held: np.ndarray) -> list[list[int]]:
    found = []
    for number, one in enumerate(features.astype(np.float64)):
        squares = ((features.astype(np.float64) - one) ** 2).sum(1)
        found.append(sorted((each for each in held if each != number), key=lambda each: (squares[each], each))[:COUNT])
    return found


@pytest.mark.parametrize("shown", [np.arange(120), np.arange(3, 120, 7)])
def test_they_are_the_nearest_of_the_largest_model_with_weights(copy, shown):
    run, told = open_run(copy), []
    found = neighbours_of(run, shown, "none", "euclidean", told.append)
    assert (found.size, found.model, found.variant) == (8, 0, "onehot")
    assert told == ["finding neighbours in the residual memory of model 0 of width 8"]
    task = finished_tasks(copy, run.plan, 8)[0]
    outcome = read_outcome(copy, run.plan, task)
    held = np.flatnonzero(run.subset(0)[shown])
    assert found.held == len(held)
    features = features_of(run, task, 0, outcome, shown)
    assert found.positions.shape == (COUNT, len(shown))
    assert found.positions.T.tolist() == [[*row, *[-1] * (COUNT - len(row))] for row in expected(features, held)]
    assert not (found.positions == np.arange(len(shown))).any()


def test_features_do_not_depend_on_what_is_looked_at_together(copy, monkeypatch):
    run = open_run(copy)
    task = finished_tasks(copy, run.plan, 8)[0]
    outcome = read_outcome(copy, run.plan, task)
    whole = features_of(run, task, 0, outcome, np.arange(120))
    monkeypatch.setattr(neighbours, "PIECE", 64 * 17)  # 17 images, about
    assert np.allclose(features_of(run, task, 0, outcome, np.arange(120)), whole, atol=1e-6)


def test_unit_vectors_and_the_cosine_are_those_of_resmem(copy):
    run = open_run(copy)
    task = finished_tasks(copy, run.plan, 8)[0]
    features = features_of(run, task, 0, read_outcome(copy, run.plan, task), np.arange(120)).astype(np.float64)
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit = np.divide(features, norms, where=norms > 0, out=np.zeros_like(features))
    held = np.flatnonzero(run.subset(0))
    found = neighbours_of(run, np.arange(120), "none", "cosine", print)
    near = found.positions[0]
    for number in range(120):
        others = held[held != number]
        assert unit[near[number]] @ unit[number] == pytest.approx((unit[others] @ unit[number]).max(), abs=1e-6)


def test_a_smaller_size_or_models_on_all_the_data_stand_in(copy):
    run = open_run(copy)
    shutil.rmtree(copy / "weights" / "onehot" / "width-8")
    found = neighbours_of(run, np.arange(120), "none", "euclidean", print)
    assert (found.size, found.variant, found.held) == (8, "full", 120)
    shutil.rmtree(copy / "weights" / "full")
    assert neighbours_of(run, np.arange(120), "none", "euclidean", print).size == 4


def test_without_weights_there_are_none_and_it_is_told(copy):
    shutil.rmtree(copy / "weights")
    told = []
    assert neighbours_of(open_run(copy), np.arange(120), "none", "euclidean", told.append) is None
    assert told == ["no neighbours are shown, because no model has kept its weights"]


def test_weights_of_other_models_are_told_and_not_used(copy):
    folder = copy / "weights" / "onehot" / "width-8"
    first = sorted(folder.iterdir())[0]
    first.write_bytes(first.read_bytes()[:-10])
    told = []
    assert neighbours_of(open_run(copy), np.arange(120), "none", "euclidean", told.append) is None
    assert "no neighbours are shown: " in told[-1]
    assert str(first) in told[-1]


def test_an_example_is_not_its_own_neighbour_even_where_copies_come_before_it():
    near = np.array([[2, 0, 1], [1, 2, 0], [0, 1, 3]])
    assert without_itself(near).tolist() == [[2, 1, -1], [2, 0, -1], [0, 1, 3]]
