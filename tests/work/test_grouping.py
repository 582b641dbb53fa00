"""Models trained at once in a run: group sizes, bundles, and outcomes that are those of one by one."""

import shutil
import warnings
from dataclasses import replace

import pytest
import torch

from memscope.run import open_run
from memscope.store.examples import read_examples
from memscope.store.ledger import FULL, Task, read_outcome
from memscope.training import group_size, models
from memscope.training.group_size import best_group, group_of
from memscope.training.material import open_material
from memscope.training.task import Job, open_work
from memscope.work import grouping
from memscope.work.grouping import bundles_of, group_sizes

ONE = [Task("onehot", 2, first, 5) for first in (0, 5, 10, 15)]
OTHERS = [Task("onehot", 4, 0, 5), Task("onehot", 4, 5, 5), Task(FULL, 4, 0, 1), Task(FULL, 4, 1, 1)]


@pytest.fixture
def run(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    return open_run(tmp_path / "run")


def test_tasks_of_one_size_and_variant_are_bundled_up_to_the_group():
    assert bundles_of(ONE + OTHERS, {}) == [(task,) for task in ONE + OTHERS]
    assert bundles_of(ONE + OTHERS, {2: 10, 4: 64}) == [
        tuple(ONE[:2]),
        tuple(ONE[2:]),
        tuple(OTHERS[:2]),
        tuple(OTHERS[2:]),
    ]
    assert bundles_of(ONE, {2: 7}) == [(task,) for task in ONE]  # a task is never split over bundles


def test_a_bundle_trained_at_once_gives_the_outcomes_of_one_by_one(run):
    """To the tolerance of a short training; each task has its own subsets, and weights of all its models."""
    bundle = (Task("onehot", 4, 0, 10), Task("onehot", 4, 10, 10))
    job = Job(str(run.path), run.plan, "cpu", keep_weights=True)
    together = open_work(replace(job, groups={4: 16}))(bundle)
    for task, (outcome, weights) in zip(bundle, together, strict=True):
        expected = read_outcome(run.path, run.plan, task)
        assert (outcome.in_subset == expected.in_subset).all()
        assert outcome.epoch_loss[:, 0] == pytest.approx(expected.epoch_loss[:, 0], abs=0.02)
        assert (outcome.predicted_train == expected.predicted_train).mean() > 0.85
        assert {name.split("/")[0] for name in weights} == {f"{model:05d}" for model in task.models}
        assert (outcome.seconds > 0).all()


def test_without_room_for_a_group_half_of_it_is_tried(run, monkeypatch):
    sizes, together = [], models.train_together

    def little_room(material, keep_weights, some):
        sizes.append(len(some))
        if len(some) > 4:
            raise torch.OutOfMemoryError("no room")
        return together(material, keep_weights, some)

    monkeypatch.setattr(models, "train_together", little_room)
    job = Job(str(run.path), run.plan, "cpu", keep_weights=False, groups={2: 16})
    ((outcome, _),) = open_work(job)((Task("onehot", 2, 0, 10),))
    assert sizes == [10, 5, 2, 2, 2, 2, 2]
    assert len(outcome.in_subset) == 10
    sizes.clear()
    work = open_work(job)
    work((Task("onehot", 2, 0, 10),))
    work((Task("onehot", 2, 10, 10),))
    assert sizes == [10, 5, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]  # what there was room for is remembered

    def no_room(*given):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(models, "train_together", no_room)
    monkeypatch.setattr(models, "train_one", no_room)
    with pytest.raises(torch.OutOfMemoryError):
        open_work(job)((Task("onehot", 2, 0, 10),))


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({1: 10, 2: 9, 4: 8}, 1),
        ({1: 10, 2: 8, 4: 15, 8: 29, 16: 30}, 8),
        ({1: 10, 2: 19, 4: 37, 8: "no room"}, 4),
        ({1: 10, 2: "vmap"}, 1),
        ({2**k: 10 * 2**k for k in range(10)}, 256),
    ],
)
def test_groups_double_while_it_pays_and_there_is_room(rates, expected):
    def rate(group):
        if rates[group] == "no room":
            raise torch.OutOfMemoryError("no room")
        if rates[group] == "vmap":
            raise RuntimeError("vmap: data-dependent control flow")
        return rates[group]

    with warnings.catch_warnings(record=True) as told:
        assert best_group(rate) == expected
    assert [str(one.message) for one in told] == [
        "only 1 at once are trained of one size: vmap: data-dependent control flow"
    ] * ("vmap" in rates.values())


def test_the_probe_measures_and_leaves_nothing_behind(run, monkeypatch):
    monkeypatch.setattr(group_size, "LARGEST", 2)
    material = open_material(
        run.path, run.plan, read_examples(run.path, run.plan.data.fingerprint), torch.device("cpu")
    )
    assert group_of(material, 2) in (1, 2)


def test_groups_are_measured_once_for_a_run_and_never_on_a_cpu(run, monkeypatch):
    asked = []

    def measured(material, size):
        asked.append(size)
        return 8 * size

    monkeypatch.setattr(grouping, "group_of", measured)
    monkeypatch.setattr(grouping, "worker_device", lambda device, worker: torch.device("cpu"))
    assert group_sizes(run, ONE, "cpu", 1, print) == {}
    assert not asked
    assert group_sizes(run, ONE, "cuda", 1, print) == {2: 16}
    assert group_sizes(run, ONE + OTHERS, "cuda", 2, print) == {2: 10, 4: 6}  # every worker has something to do
    assert asked == [2, 4]
    file = run.path / "cache" / "groups.json"
    file.write_text(file.read_text().replace("float32", "bfloat16"))  # measured for something else
    assert group_sizes(run, ONE, "cuda", 1, print) == {2: 16}
    file.write_text("{")
    assert group_sizes(run, ONE, "cuda", 1, print) == {2: 16}
    assert asked == [2, 4, 2, 2]
