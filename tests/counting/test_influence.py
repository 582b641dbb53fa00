"""The units of influence are what the ledger's files say, whole blocks of subsets, whichever models diverged."""

import shutil
import tracemalloc
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from memscope.counting import influence as counting
from memscope.counting.influence import UnitsFound, units_at, usable_blocks
from memscope.run import open_run
from memscope.steps.train_family import train_family
from memscope.store.ledger import Outcome, Task, outcome_path, read_outcome, write_outcome
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices

INLINE = WorkOptions(device="cpu", engine="inline")
SIZES = (2, 4, 8)


@pytest.fixture(scope="module")
def twice(forty_run, tmp_path_factory) -> Path:
    """Four blocks of ten models at three widths, the first two trained on again. Tests must not change it."""
    path = tmp_path_factory.mktemp("twice") / "run"
    shutil.copytree(forty_run, path)
    assert not train_family(path, Choices(), INLINE, replicates=2, replicate_models=20).failed
    return path


@pytest.fixture
def run(twice, tmp_path) -> Path:
    shutil.copytree(twice, tmp_path / "run")
    return tmp_path / "run"


def diverge(path: Path, size: int, model: int, replicate: int = 0) -> None:
    """Let a model have diverged."""
    plan = open_run(path).plan
    task = Task("onehot", size, model // 10 * 10, 10, replicate)
    outcome = read_outcome(path, plan, task)
    write_outcome(path, plan, task, replace(outcome, diverged=outcome.diverged | (np.arange(10) == model % 10)))


def models_of(path: Path, size: int, part: str) -> dict[int, list[np.ndarray]]:
    """By number of the subset what each of its good models has right of a part, straight from the files."""
    run, found = open_run(path), {}
    labels = run.examples.labels if part == "train" else run.examples.test_labels
    for replicate in (0, 1):
        for first in range(0, 40, 10):
            task = Task("onehot", size, first, 10, replicate)
            if outcome_path(path, run.plan, task).exists():
                outcome = read_outcome(path, run.plan, task)
                for model, row in zip(task.models, getattr(outcome, f"predicted_{part}") == labels, strict=True):
                    if not outcome.diverged[model - first]:
                        found.setdefault(model, []).append(row)
    return found


def check(path: Path, size: int, found: UnitsFound, among_training: bool = False) -> None:
    """Every unit is its subset, and the share of its models that are right."""
    run, models, units = open_run(path), found.right_train.shape[0], found.units
    numbers = [10 * block + place for block in dict.fromkeys(units.block.tolist()) for place in range(10)]
    assert len(numbers) == models == len(units.right)
    assert units.block.tolist() == [number // 10 for number in numbers]
    assert np.array_equal(units.in_subset, np.stack([run.subset(number) for number in numbers]))
    for part, values in (("train", found.right_train), ("train" if among_training else "test", units.right)):
        known = models_of(path, size, part)
        most = 1 if among_training else 2
        expected = np.stack([np.mean(known[number][:most], axis=0) for number in numbers])
        assert values.dtype == np.uint8
        assert np.array_equal(values / units.scale, expected)
    assert (units.design.size, units.design.inside) == (10, 7)


def test_units_are_what_the_files_say_of_one_and_of_two_models_of_a_subset(twice):
    run = open_run(twice)
    assert usable_blocks(run, SIZES) == [0, 1, 2, 3]
    for size in SIZES:
        found = units_at(run, size, [0, 1, 2, 3])
        check(twice, size, found)
        assert (found.units.scale, found.left_out) == (2, 0)
        assert set(np.unique(found.units.right[:20])) == {0, 1, 2}  # two models do not always agree
        assert set(np.unique(found.units.right[20:])) == {0, 2}


def test_among_training_the_targets_are_the_training_examples(twice):
    found = units_at(open_run(twice), 4, [0, 1, 2, 3], among_training=True)
    check(twice, 4, found, among_training=True)
    assert found.units.right is found.right_train
    assert found.units.scale == 1
    assert np.array_equal(found.units.counted, ~found.units.in_subset)


def test_among_training_a_second_model_stands_for_a_first_that_diverged(run):
    diverge(run, 4, 13)
    check(run, 4, units_at(open_run(run), 4, [0, 1, 2, 3], among_training=True), among_training=True)


def test_models_of_blocks_that_are_asked_for_alone_count_and_the_others_are_left_out(twice):
    found = units_at(open_run(twice), 8, [2, 3])
    check(twice, 8, found)
    assert (found.units.scale, found.left_out) == (1, 20)


def test_a_block_with_a_model_that_diverged_is_left_out_at_every_size(run):
    diverge(run, 4, 25)
    assert usable_blocks(open_run(run), SIZES) == [0, 1, 3]
    assert usable_blocks(open_run(run), (2, 8)) == [0, 1, 2, 3]
    assert units_at(open_run(run), 8, [0, 1, 3]).left_out == 10


@pytest.mark.parametrize("replicate", [0, 1])
def test_of_two_models_of_a_subset_the_good_one_counts_where_the_other_diverged(run, replicate):
    diverge(run, 4, 13, replicate)
    assert usable_blocks(open_run(run), SIZES) == [0, 1, 2, 3]
    found = units_at(open_run(run), 4, [0, 1, 2, 3])
    check(run, 4, found)
    assert set(np.unique(found.units.right[13])) == {0, 2}
    diverge(run, 4, 13, 1 - replicate)
    assert usable_blocks(open_run(run), SIZES) == [0, 2, 3]


def test_a_block_without_its_files_is_not_whole(run):
    outcome_path(run, open_run(run).plan, Task("onehot", 2, 30, 10)).unlink()
    assert usable_blocks(open_run(run), SIZES) == [0, 1, 2]
    assert units_at(open_run(run), 2, [0, 1, 2]).left_out == 0


def made_up(count: int, examples: int, targets: int, replicate: int, odd: np.ndarray) -> Outcome:
    random = np.random.default_rng(replicate)
    nothing = np.zeros((count, 0), np.float16)
    return Outcome(
        np.zeros((count, examples), bool),
        random.integers(0, 2, (count, examples)),
        random.integers(0, 2, (count, targets)),
        nothing,
        nothing,
        nothing,
        np.zeros(count),
        odd,
        np.zeros(count),
        {},
    )


@dataclass
class Ledger:
    """Outcomes that are made up when they are read; five models share a file, of a block of ten."""

    examples: int = 40
    targets: int = 30
    blocks: int = 2
    second: tuple[int, ...] = ()
    """First models of the files of second models"""
    diverged: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    """By first model and replicate"""

    def run(self, monkeypatch) -> SimpleNamespace:
        def finished(path, plan, size, replicate=0):
            firsts = self.second if replicate else range(0, 10 * self.blocks, 5)
            return [Task("onehot", size, first, 5, replicate) for first in firsts]

        def read(path, plan, task):
            odd = self.diverged.get((task.first, task.replicate), np.zeros(5, bool))
            return made_up(5, self.examples, self.targets, 2 * task.first + task.replicate, odd)

        monkeypatch.setattr(counting, "finished_tasks", finished)
        monkeypatch.setattr(counting, "read_outcome", read)
        examples = SimpleNamespace(labels=np.zeros(self.examples), test_labels=np.zeros(self.targets))
        return SimpleNamespace(path=Path(), plan=SimpleNamespace(block=10, models=20), examples=examples)


def test_where_only_some_subsets_of_a_block_have_second_models_these_count_only_for_those_that_diverged(monkeypatch):
    odd = np.arange(5) == 2
    ledger = Ledger(second=(5,), diverged={(5, 0): odd})
    run = ledger.run(monkeypatch)
    found = units_at(run, 4, [0, 1])
    first, second = (made_up(5, 40, 30, 10 + one, odd).predicted_test == 0 for one in (0, 1))
    assert np.array_equal(found.units.right[5:10], np.where(odd[:, None], second, first))
    assert found.units.scale == 1


def test_memory_is_that_of_the_result_and_of_a_file_or_two(monkeypatch):
    """Of 50,000 training and 10,000 test examples and 400 models it is a tenth of what predictions alone would be."""
    ledger = Ledger(examples=50_000, targets=10_000, blocks=8, second=tuple(range(0, 80, 5)))
    run = ledger.run(monkeypatch)
    tracemalloc.start()
    found = units_at(run, 4, range(8))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    result = sum(each.nbytes for each in (found.units.in_subset, found.units.right, found.right_train))
    assert result == 80 * 110_000
    assert peak - result < 20e6
