"""Steps that are recorded and repeated. CUDA graphs need a GPU; what stands in for them here records the operations on
tensors that a step does, and to repeat it does these alone, each into the memory that it wrote when it was recorded."""

import copy
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from memscope.plan.recipe import Recipe
from memscope.training.backends.vectorised import cuda_graph, group, group_size
from memscope.training.backends.vectorised.cuda_graph import steps_to_take
from memscope.training.backends.vectorised.group import RECORDED_FROM, evaluate_group, train_group
from memscope.training.draws import Draws, build_model
from memscope.training.evaluation import BATCH, evaluate
from memscope.training.inputs import Inputs
from memscope.training.loop import Course
from tests.training.test_group import MEAN, MODELS, SCALE, SUBSETS, networks


class Recorder(TorchDispatchMode):
    """Operations in the order in which they were done, with the very tensors that they read and gave."""

    def __init__(self):
        super().__init__()
        self.done = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        self.done.append((operation, args, kwargs or {}, result))
        return result

    def repeat(self):
        with torch.no_grad():
            for operation, args, kwargs, before in self.done:
                read = {
                    tensor.untyped_storage().data_ptr() for tensor in tree_leaves((args, kwargs)) if is_tensor(tensor)
                }
                result = operation(*args, **kwargs)
                for new, old in zip(tree_leaves(result), tree_leaves(before), strict=True):
                    # views and what is changed in place lie where they lay
                    if is_tensor(old) and storage(old) not in read:
                        old.copy_(new)


def is_tensor(leaf):
    return isinstance(leaf, torch.Tensor)


def storage(tensor):
    return tensor.untyped_storage().data_ptr()


def recorded(step, device):
    """As a GPU does it: the step is done while it is recorded, and the caller puts the state back."""
    recorder = Recorder()
    with recorder:
        step()
    return recorder.repeat


@pytest.fixture
def recording(monkeypatch):
    times = []

    def record(step, device):
        repeat = recorded(step, device)

        def counted():
            times.append(1)
            repeat()

        return counted

    monkeypatch.setattr(cuda_graph, "can_record", lambda device: True)
    monkeypatch.setattr(cuda_graph, "record", record)
    return times


@pytest.mark.parametrize("name", ["cnn", "resnet8", "mlp"])
@pytest.mark.parametrize("augment", ["none", "crop+flip"])
def test_a_recorded_step_trains_as_the_step_does(name, augment, data, recording, monkeypatch):
    draws, models = networks(name)
    plain = copy.deepcopy(models)
    given = (
        Inputs(*data, MEAN, SCALE, "float32"),
        SUBSETS,
        168,
        Recipe(epochs=3, batch_size=24, augment=augment),
        draws,
    )
    courses = train_group(models, *given)
    assert len(recording) == 20  # of 21 steps; the first is done as it is written
    monkeypatch.setattr(cuda_graph, "can_record", lambda device: False)
    expected = train_group(plain, *given)
    assert len(recording) == 20
    for model, other in zip(models, plain, strict=True):
        for (key, value), wanted in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
            assert torch.equal(value, wanted), key
    for course, other in zip(courses, expected, strict=True):
        assert (course.epoch_loss == other.epoch_loss).all()


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_a_recorded_evaluation_says_what_the_evaluation_says(name, data, recording, monkeypatch):
    monkeypatch.setattr(group, "BATCH", 29)  # 240 examples: nine batches, the last filled up
    _, models = networks(name)
    inputs = Inputs(*data, MEAN, SCALE, "float32")
    found = evaluate_group(models, inputs)
    assert len(recording) == 8  # the first is done as it is written
    for model, (classes, log_odds) in zip(models, found, strict=True):
        wanted_classes, wanted = evaluate(model, inputs)
        assert (classes.dtype, classes.tolist()) == (np.int64, wanted_classes.tolist())
        assert log_odds.dtype == np.float16
        assert np.allclose(log_odds, wanted, atol=2e-2)
    assert len({tuple(classes) for classes, _ in found}) == len(models)


def test_a_short_evaluation_is_not_recorded(data, recording, monkeypatch):
    monkeypatch.setattr(group, "BATCH", 240 // (RECORDED_FROM - 1) + 1)
    _, models = networks("mlp")
    inputs = Inputs(*data, MEAN, SCALE, "float32")
    assert len(evaluate_group(models, inputs)[0][0]) == 240
    assert recording == []


def test_what_a_device_records_when_it_evaluates_has_room_where_the_probe_had_it(recording, monkeypatch):
    """The probe of a group's size records an evaluation, as a run does."""
    seen = []
    monkeypatch.setattr(group_size, "train_group", lambda *given: [Course(np.zeros(4), False, (1.0, 2.0, 3.0, 4.0))])
    monkeypatch.setattr(group_size, "evaluate_group", lambda models, data: seen.append(len(data.images)))
    images = torch.zeros(9000, 4, 4, 1, dtype=torch.uint8)
    plan = SimpleNamespace(
        recipe=Recipe(), seed=0, subset=lambda examples, model: np.ones(examples, bool), family="mlp"
    )
    material = SimpleNamespace(
        plan=plan,
        num_train=9000,
        inputs=Inputs(images, torch.zeros(9000, dtype=torch.int64), MEAN, SCALE, "float32"),
        untrained=lambda draws: torch.nn.Linear(1, 1),
    )
    group_size.measured_rate(material, 2)(3)
    assert seen == [RECORDED_FROM * BATCH]


def test_a_device_that_cannot_record_trains_as_it_is_written_and_says_so(data, monkeypatch):
    draws, models = networks("mlp")
    plain = copy.deepcopy(models)
    given = (Inputs(*data, MEAN, SCALE, "float32"), SUBSETS, 168, Recipe(epochs=1, batch_size=24), draws)
    train_group(plain, *given)

    def record(step, device):
        step()
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(cuda_graph, "can_record", lambda device: True)
    monkeypatch.setattr(cuda_graph, "record", record)
    with pytest.warns(RuntimeWarning, match="not recorded, which is slower: operation not permitted"):
        train_group(models, *given)
    for model, other in zip(models, plain, strict=True):
        assert all(map(torch.equal, model.state_dict().values(), other.state_dict().values()))


def test_no_room_to_record_is_no_room_for_the_group(data, monkeypatch):
    def record(step, device):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(cuda_graph, "can_record", lambda device: True)
    monkeypatch.setattr(cuda_graph, "record", record)
    draws, models = networks("mlp")
    with pytest.raises(torch.OutOfMemoryError):
        train_group(models, Inputs(*data, MEAN, SCALE, "float32"), SUBSETS, 168, Recipe(epochs=1, batch_size=24), draws)


@pytest.mark.parametrize("hidden", [False, True])
def test_a_step_that_reads_what_is_not_in_its_tensors_is_not_repeated(hidden, monkeypatch):
    monkeypatch.setattr(cuda_graph, "can_record", lambda device: True)
    monkeypatch.setattr(cuda_graph, "record", recorded)
    rate, total, python = torch.zeros(()), torch.zeros(3), 0.0

    def step():
        total.add_(torch.ones(3) * (python if hidden else rate))

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        takes = steps_to_take(step, lambda: [total], torch.device("cpu"))
        for number in range(6):
            python = float(number)
            rate.fill_(number)
            next(takes)()
    assert total.tolist() == [15.0] * 3  # whatever was recorded
    assert [str(one.message) for one in warned] == ["recorded steps differ, and are not used"] * hidden


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("taught", ["", "table", "network"])
@pytest.mark.parametrize("count", [1, len(MODELS)])
def test_a_cuda_graph_trains_as_the_step_does(precision, taught, count, data, monkeypatch):
    from memscope.families import open_family
    from memscope.plan.teaching import Teaching
    from memscope.training.backends.vectorised.stack import stack
    from memscope.training.backends.vectorised.teachers import TeachersOfGroup

    device = torch.device("cuda")
    draws = [Draws(0, 8, model) for model in MODELS[:count]]
    models = [build_model(open_family("resnet8").build, one, (16, 16, 3), 4) for one in draws]  # on the CPU
    plain = copy.deepcopy(models)
    images, labels = (tensor.to(device) for tensor in data)
    recipe = Recipe(epochs=4, batch_size=24, augment="crop", learning_rate=0.01)
    teachers = None
    if taught:
        told = stack([model.eval() for model in copy.deepcopy(models)], device)
        table = torch.randn(count, len(images), 4, device=device) if taught == "table" else None
        teachers = TeachersOfGroup(Teaching(8), told, precision, table)
    given = (Inputs(images, labels, MEAN.to(device), SCALE.to(device), precision), SUBSETS[:count], 168, recipe, draws)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        courses = train_group(models, *given, teachers)
        monkeypatch.setattr(group, "BATCH", 29)
        said = evaluate_group(models, given[0])
    monkeypatch.setattr(cuda_graph, "can_record", lambda device: False)
    for (classes, log_odds), (wanted_classes, wanted) in zip(said, evaluate_group(models, given[0]), strict=True):
        assert (classes == wanted_classes).all()
        assert np.allclose(log_odds, wanted, atol=1e-2)
    expected = train_group(plain, *given, teachers)
    for course, other in zip(courses, expected, strict=True):
        assert np.allclose(course.epoch_loss, other.epoch_loss, rtol=0.05)
    assert all(value.isfinite().all() for model in models for value in model.state_dict().values())
