"""What a worker refuses to train: variants that stand for no way of training."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memscope.errors import OptionError
from memscope.plan.teaching import Teaching
from memscope.run import Run, open_run
from memscope.steps.train_family import train_family
from memscope.store.ledger import FULL, ONEHOT, Task
from memscope.training.backends import one_by_one
from memscope.work.carrying_out import WorkOptions, unseen
from memscope.work.training import train_tasks
from memscope.work.training_task import Job, open_training

INLINE = WorkOptions(device="cpu", engine="inline")
STUDENTS = Teaching(8).variant
UNKNOWN = ("one-hot", "", "Full", "distilled/teacher-8", "distilled/teacher-8-t0-w0.9", "distilled/a\nb")
"""None of them stands for a training: the fifth has a temperature of 0."""


def always_the_first_class(data, subset, seeds, size):
    """A trainer that counts its models, each by one more character in a file."""
    with open(os.environ["MEMSCOPE_TEST_TRAINED"], "a") as file:
        file.write("x")
    return np.zeros(len(data.train_labels) + len(data.test_labels), dtype=int), None


@pytest.fixture
def run(tiny_run, tmp_path) -> Run:
    shutil.copytree(tiny_run, tmp_path / "run")
    return open_run(tmp_path / "run")


@pytest.fixture
def own_run(tiny_choices, tmp_path, monkeypatch) -> Run:
    """A run of a trainer of the user's own, with the ten models of one size; `trained` tells how many it made."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setenv("MEMSCOPE_TEST_TRAINED", str(tmp_path / "trained"))
    choices = replace(tiny_choices, trainer="test_training_task:always_the_first_class", models=10, widths=(2,))
    return open_run(train_family(tmp_path / "run", choices, INLINE).run)


def trained(own_run: Run) -> int:
    return len((own_run.path.parent / "trained").read_text())


def contents(run: Run) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}


def no_training(*given):
    raise AssertionError("a model was trained")


@pytest.mark.parametrize("variant", [*UNKNOWN, STUDENTS])
def test_an_unknown_variant_is_refused_before_anything_is_trained_or_written(run, monkeypatch, variant):
    monkeypatch.setattr(one_by_one, "train_one", no_training)
    before = contents(run)
    known, unknown = Task(ONEHOT, 2, 20, 10), Task(variant, 4, 0, 10)
    with pytest.raises(OptionError) as refused:
        train_tasks(run, [(known,), (unknown,)], INLINE, "cpu", unseen)
    line = str(refused.value)
    assert repr(variant) in line
    expected = "onehot, full or distilled/teacher-SIZE-tTEMPERATURE-wWEIGHT with its teaching; name one of these"
    assert f"expected {expected}" in line
    assert contents(run) == before
    # and by a worker that somebody else gives its tasks
    with pytest.raises(OptionError, match="the variant of a task is"):
        open_training(Job(str(run.path), run.plan, "cpu", keep_weights=False))((known, unknown))
    assert contents(run) == before


@pytest.mark.parametrize("variant", [*UNKNOWN, STUDENTS])
def test_a_trainer_of_the_users_own_is_given_neither_unknown_variants_nor_students(own_run, variant):
    before = contents(own_run)
    known, other = Task(ONEHOT, 2, 10, 10), Task(variant, 2, 0, 10)
    with pytest.raises(OptionError) as refused:
        train_tasks(own_run, [(known,), (other,)], INLINE, "cpu", unseen)
    line = str(refused.value)
    assert repr(variant) in line
    assert "expected onehot or full, because --trainer test_training_task:always_the_first_class cannot distil" in line
    with pytest.raises(OptionError):
        open_training(Job(str(own_run.path), own_run.plan, "cpu", keep_weights=False))((known, other))
    assert contents(own_run) == before
    assert trained(own_run) == 10


def test_students_of_another_setting_are_refused(run):
    other = Task(Teaching(4).variant, 2, 0, 10)
    with pytest.raises(OptionError, match=f"expected onehot, full or {STUDENTS}; name one of these"):
        train_tasks(run, [(other,)], INLINE, "cpu", unseen, teaching=Teaching(8))


def test_a_trainer_of_the_users_own_is_given_models_on_all_the_data(own_run):
    done = train_tasks(own_run, [(Task(FULL, 2, 0, 1),)], INLINE, "cpu", unseen)
    assert (done.trained, done.failures) == (1, [])
    assert trained(own_run) == 11
