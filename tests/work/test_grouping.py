"""Models trained at once in a run: group sizes, bundles, and outcomes that are those of one by one."""

import shutil
import warnings
from dataclasses import replace

import pytest
import torch

from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.plan.teaching import Teaching
from memscope.run import open_run
from memscope.steps.train_family import train_family
from memscope.store.examples import read_examples
from memscope.store.ledger import FULL, Task, read_outcome
from memscope.store.weights import read_weights
from memscope.training import backends
from memscope.training.backends import BACKENDS, ONE_BY_ONE, Grouping, grouping_of
from memscope.training.backends.vectorised.group_size import best_group, group_of
from memscope.training.material import open_material
from memscope.work import grouping, students
from memscope.work.carrying_out import WorkOptions
from memscope.work.grouping import bundles_of, bundles_of_students, group_sizes
from memscope.work.training import write_packed
from memscope.work.training_task import Job, open_training

pytestmark = pytest.mark.xdist_group("grouping")  # `torch_run` is made by one process

PLAN = Plan(DataChoice("x", "f" * 64), "cnn", "width", None, (2, 4, 8), 20, 0.7, 0, "float32", Recipe(), 10, 0, "lanes")
ONE = [Task("onehot", 2, first, 5) for first in (0, 5, 10, 15)]
OTHERS = [Task("onehot", 4, 0, 5), Task("onehot", 4, 5, 5), Task(FULL, 4, 0, 1), Task(FULL, 4, 1, 1)]


def at_once(numbers):
    """Models of these sizes at once, as on a GPU."""
    return {size: Grouping("vectorised", number) for size, number in numbers.items()}


def put(monkeypatch, name, **functions):
    """Other functions in place of some of a backend's."""
    monkeypatch.setitem(BACKENDS, name, replace(BACKENDS[name], **functions))


@pytest.fixture(scope="module")
def torch_run(tiny_choices, tmp_path_factory):
    """The models of `tiny_run` by torch, one by one."""
    path = tmp_path_factory.mktemp("runs") / "torch"
    train_family(path, replace(tiny_choices, backend="torch"), WorkOptions(device="cpu", engine="inline"))
    return path


@pytest.fixture
def run(torch_run, tmp_path):
    shutil.copytree(torch_run, tmp_path / "run")
    return open_run(tmp_path / "run")


@pytest.fixture
def train(run, tmp_path):
    """Trains a bundle as a worker does; of each task its outcome and its weights by model, as they are read again."""
    elsewhere = replace(run, path=tmp_path / "elsewhere")

    def train_and_read(job, bundle):
        for task, product in zip(bundle, open_training(job)(bundle), strict=True):
            write_packed(elsewhere, task, product)
            weights = read_weights(elsewhere.path, run.plan, task) if product.weights else {}
            yield read_outcome(elsewhere.path, run.plan, task), weights

    return lambda job, bundle: list(train_and_read(job, bundle))


def test_tasks_of_one_size_and_variant_are_bundled_up_to_the_group():
    assert bundles_of(PLAN, ONE + OTHERS, {}) == [(task,) for task in ONE + OTHERS]
    assert bundles_of(PLAN, ONE + OTHERS, at_once({2: 10, 4: 64})) == [
        tuple(ONE[:2]),
        tuple(ONE[2:]),
        tuple(OTHERS[:2]),
        tuple(OTHERS[2:]),
    ]
    assert bundles_of(PLAN, ONE, at_once({2: 7})) == [(task,) for task in ONE]  # a task is never split over bundles


def test_models_on_all_the_data_go_one_by_one_where_a_lone_one_would_take_longer_in_lanes():
    groups = {size: Grouping("lanes", 8) for size in (2, 4, 8)}
    full = [Task(FULL, size, number, 1) for size in (4, 8) for number in (0, 1)]
    assert bundles_of(PLAN, full, groups) == [tuple(full[:2]), (full[2],), (full[3],)]
    assert [grouping_of(PLAN, groups, task) for task in full[1:3]] == [Grouping("lanes", 8), Grouping()]
    assert grouping_of(PLAN, groups, Task("onehot", 8, 0, 10)) == Grouping("lanes", 8)
    assert grouping_of(PLAN, {8: Grouping("vectorised", 5)}, full[2]) == Grouping("vectorised", 5)


def test_models_on_all_the_data_are_trained_alike_whatever_else_is_left_to_train(run, monkeypatch):
    """After an interruption, say, that left them and models on subsets of other sizes."""
    monkeypatch.setattr(grouping, "backend_for", lambda plan, size, device: "lanes")
    full = Task(FULL, 4, 0, 1)
    for beside in ([], [Task("onehot", 2, 0, 10)], [Task("onehot", 4, 0, 10)]):
        groups = group_sizes(run, [*beside, full], "cpu", 1, print)
        assert grouping_of(replace(run.plan, family="cnn"), groups, full).backend == "lanes"


def test_recorded_models_are_bundled_apart_and_go_one_by_one_where_models_at_once_cannot_be_recorded():
    groups, plan = at_once({2: 20, 4: 64}), replace(PLAN, dynamics=10)
    assert bundles_of(plan, ONE, {2: Grouping("lanes", 20)}, ONE[:1]) == [(ONE[0],), tuple(ONE[1:])]
    assert bundles_of(plan, ONE, groups, ONE[:2]) == [(ONE[0],), (ONE[1],), tuple(ONE[2:])]
    assert [grouping_of(plan, groups, task) for task in ONE] == [Grouping()] * 2 + [Grouping("vectorised", 20)] * 2
    assert grouping_of(plan, groups, Task(FULL, 4, 0, 1)) == Grouping()
    for other in (replace(ONE[0], replicate=1), replace(ONE[0], variant=Teaching(4).variant)):
        assert grouping_of(plan, groups, other) == Grouping("vectorised", 20)


def test_a_bundle_trained_at_once_gives_the_outcomes_of_one_by_one(run, train):
    """To the tolerance of a short training; each task has its own subsets, and weights of all its models."""
    bundle = (Task("onehot", 4, 0, 10), Task("onehot", 4, 10, 10))
    job = Job(str(run.path), run.plan, "cpu", keep_weights=True)
    together = train(replace(job, groups=at_once({4: 16})), bundle)
    for task, (outcome, weights) in zip(bundle, together, strict=True):
        expected = read_outcome(run.path, run.plan, task)
        assert (outcome.in_subset == expected.in_subset).all()
        assert outcome.epoch_loss[:, 0] == pytest.approx(expected.epoch_loss[:, 0], abs=0.02)
        assert (outcome.predicted_train == expected.predicted_train).mean() > 0.85
        assert all(weights[model] for model in task.models)
        assert (outcome.seconds > 0).all()


@pytest.mark.parametrize("lost", [(), (3,), tuple(range(20))])
def test_students_trained_at_once_are_those_of_one_by_one(run, train, monkeypatch, lost):
    """To the tolerance of a short training; a teacher that diverged has no student, whatever the others have."""
    teaching = Teaching(4)
    variant = teaching.variant
    bundle = (Task(variant, 2, 0, 10), Task(variant, 1, 10, 10), Task(variant, 2, 10, 10))  # one is done already
    of = students.teacher_network
    monkeypatch.setattr(students, "teacher_network", lambda *given: None if given[-1] in lost else of(*given))
    job = Job(str(run.path), run.plan, "cpu", keep_weights=True, teaching=teaching)
    alone = [train(job, (task,))[0] for task in bundle]
    sizes, some = [], BACKENDS["vectorised"].train

    def count(*given):
        sizes.append(len(given[2]))
        return some(*given)

    put(monkeypatch, "vectorised", train=count)
    together = train(replace(job, groups=at_once({2: 16, 1: 16})), bundle)
    assert sum(sizes) == 30 - sum(1 if model < 10 else 2 for model in lost)
    for task, (found, weights), (expected, _) in zip(bundle, together, alone, strict=True):
        assert (found.diverged == expected.diverged).all()
        assert found.diverged.tolist() == [model in lost for model in task.models]
        there = ~found.diverged
        assert found.epoch_loss[there, 0] == pytest.approx(expected.epoch_loss[there, 0], abs=0.02)
        assert there.sum() == 0 or (found.predicted_train == expected.predicted_train)[there].mean() > 0.85
        assert (found.seconds[there] > found.teacher_seconds[there]).all()
        assert (found.teacher_seconds[there] > 0).all()
        assert [model for model in task.models if weights.get(model)] == [m for m in task.models if m not in lost]


def test_without_room_for_a_group_half_of_it_is_tried(run, train, monkeypatch):
    sizes, together, alone = [], BACKENDS["vectorised"].train, BACKENDS[ONE_BY_ONE].train

    def little_room(material, keep_weights, some, teachers, record):
        sizes.append(len(some))
        if len(some) > 4:
            raise torch.OutOfMemoryError("no room")
        return together(material, keep_weights, some, teachers, record)

    put(monkeypatch, "vectorised", train=little_room)
    job = Job(str(run.path), run.plan, "cpu", keep_weights=False, groups=at_once({2: 16}))
    ((outcome, _),) = train(job, (Task("onehot", 2, 0, 10),))
    assert sizes == [10, 5, 2, 2, 2, 2, 2]
    assert len(outcome.in_subset) == 10
    sizes.clear()
    work = open_training(job)
    work((Task("onehot", 2, 0, 10),))
    work((Task("onehot", 2, 10, 10),))
    assert sizes == [10, 5, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]  # what there was room for is remembered

    def no_room(*given):
        raise torch.OutOfMemoryError("no room")

    def count(*given):
        sizes.append("alone")
        return alone(*given)

    sizes.clear()
    put(monkeypatch, "vectorised", train=no_room)
    put(monkeypatch, ONE_BY_ONE, train=count)
    open_training(job)((Task("onehot", 2, 0, 10),))
    assert sizes == ["alone"] * 10  # not recorded, which takes more room
    put(monkeypatch, ONE_BY_ONE, train=no_room)
    with pytest.raises(torch.OutOfMemoryError):
        open_training(job)((Task("onehot", 2, 0, 10),))


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({1: 10, 4: 9, 16: 8}, 1),
        ({1: 10, 4: 15, 16: 29, 64: 30}, 16),
        ({1: 10, 4: 37, 16: "no room"}, 4),
        ({1: 10, 4: 37, 16: "vmap"}, 4),
        ({1: "vmap"}, 0),
        ({1: "no room"}, 0),
        ({1: 10, 4: 40, 16: 160, 64: 640, 200: 2000}, 200),
    ],
)
def test_groups_grow_while_it_pays_and_there_is_room(rates, expected):
    def rate(group):
        if rates[group] == "no room":
            raise torch.OutOfMemoryError("no room")
        if rates[group] == "vmap":
            raise RuntimeError("vmap: data-dependent control flow")
        return rates[group]

    with warnings.catch_warnings(record=True) as told:
        assert best_group(rate, 200) == expected
    how = f"{expected} at once" if expected else "one by one"
    assert [str(one.message) for one in told] == [
        f"models of one size are trained {how}: vmap: data-dependent control flow"
    ] * ("vmap" in rates.values())


@pytest.mark.parametrize("most", [1, 2, 7])
def test_the_probe_measures_no_group_beyond_the_models_there_are(run, most):
    material = open_material(
        run.path, run.plan, read_examples(run.path, run.plan.data.fingerprint), torch.device("cpu")
    )
    assert group_of(material, 2, most) in (1, 4, most)


def test_groups_are_measured_once_for_a_run_and_never_on_a_cpu(run, monkeypatch):
    asked = []

    def measured(material, size, most):
        asked.append((size, most))
        return {2: min(7, most), 4: 0}[size]

    put(monkeypatch, "vectorised", measured=measured)
    monkeypatch.setattr(grouping, "worker_device", lambda device, worker: torch.device("cpu"))
    assert group_sizes(run, ONE, "cpu", 1, print) == {}
    assert not asked
    assert group_sizes(run, ONE[:1], "cuda", 1, print) == at_once({2: 5})
    assert group_sizes(run, ONE[:1], "cuda", 2, print) == at_once({2: 3})  # every worker has something to do
    assert asked == [(2, 5)]
    # more of them than were tried: measured again, and then enough is known for any number
    assert group_sizes(run, ONE, "cuda", 1, print) == at_once({2: 7})
    assert group_sizes(run, [*ONE, Task("onehot", 2, 20, 900)], "cuda", 1, print) == at_once({2: 7})
    assert asked == [(2, 5), (2, 20)]
    # size 4 cannot be trained in groups
    assert group_sizes(run, ONE + OTHERS, "cuda", 2, print) == at_once({2: 7})
    assert group_sizes(run, ONE + OTHERS, "cuda", 2, print) == at_once({2: 7})
    assert asked == [(2, 5), (2, 20), (4, 5)]
    file = run.path / "cache" / "groups.json"
    file.write_text(file.read_text().replace("float32", "bfloat16"))  # measured for something else
    assert group_sizes(run, ONE, "cuda", 1, print) == at_once({2: 7})
    file.write_text("{")
    assert group_sizes(run, ONE, "cuda", 1, print) == at_once({2: 7})
    file.write_text(file.read_text().replace("[", "").replace("]", ""))  # as an older version wrote it
    assert group_sizes(run, ONE, "cuda", 1, print) == at_once({2: 7})
    assert asked[3:] == [(2, 20)] * 3


def test_a_backend_of_a_fixed_number_is_used_where_it_fits_and_nothing_is_measured(run, monkeypatch):
    eights = replace(
        BACKENDS["vectorised"],
        fits=lambda plan, size, device: (size, device) == (2, "cpu"),
        at_once=lambda plan, most: min(8, most),
        measured=None,
    )
    everyone = {"eights": eights, **BACKENDS}
    monkeypatch.setattr(backends, "BACKENDS", everyone)
    monkeypatch.setattr(grouping, "BACKENDS", everyone)
    assert group_sizes(run, ONE + OTHERS, "cpu", 1, print) == {2: Grouping("eights", 8)}
    assert group_sizes(run, ONE + OTHERS, "cpu", 5, print) == {2: Grouping("eights", 4)}
    assert not (run.path / "cache" / "groups.json").exists()


def test_students_of_several_units_share_a_bundle_up_to_the_group():
    def unit(first):
        return tuple(Task("distilled/teacher-8-t4-w0.9", size, first, 10) for size in (4, 2))

    units = [unit(first) for first in (0, 10, 20)]
    assert bundles_of_students(units, {}) == units
    assert bundles_of_students(units, at_once({2: 64})) == units
    assert bundles_of_students(units, at_once({2: 5, 4: 5})) == units
    assert bundles_of_students(units, at_once({2: 20, 4: 3})) == [units[0] + units[1], units[2]]
    assert bundles_of_students(units, at_once({2: 30, 4: 30})) == [units[0] + units[1] + units[2]]
    assert bundles_of_students([], at_once({2: 30})) == []
