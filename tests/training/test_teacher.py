"""The loss of a student against its formula in float64, and the teacher that tells it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from memscope.plan.recipe import Recipe
from memscope.plan.teaching import Teaching
from memscope.run import open_run
from memscope.training.backends.vectorised.teachers import open_teachers
from memscope.training.draws import Draws
from memscope.training.loop import train_model
from memscope.training.material import open_material
from memscope.training.teacher import Teacher, distillation_loss, logits_of, open_teacher


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("soft_weight", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_its_formula_in_float64(temperature, soft_weight, smoothing):
    random = np.random.default_rng(0)
    student, teacher = 3 * random.normal(size=(2, 16, 5))
    labels = random.integers(0, 5, 16)
    targets = (1 - smoothing) * np.eye(5)[labels] + smoothing / 5
    hard = -(targets * np.log(softmax(student))).sum(1).mean()
    p, q = softmax(teacher / temperature), softmax(student / temperature)
    soft = (p * (np.log(p) - np.log(q))).sum(1).mean()
    expected = (1 - soft_weight) * hard + soft_weight * temperature**2 * soft
    given = [torch.tensor(values, dtype=torch.float32) for values in (student, teacher)]
    found = distillation_loss(*given, torch.tensor(labels), temperature, soft_weight, smoothing)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_a_student_that_says_what_its_teacher_says_has_no_soft_loss_and_no_gradient():
    logits = torch.randn(8, 4, requires_grad=True)
    loss = distillation_loss(logits, logits.detach(), torch.zeros(8, dtype=torch.long), 3.0, 1.0)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)
    assert logits.grad.abs().max() < 1e-6


@pytest.fixture(scope="module")
def material(tiny_run):
    run = open_run(tiny_run)
    return open_material(run.path, run.plan, run.examples, torch.device("cpu"))


def trained(material, recipe: Recipe, teacher: Teacher | None):
    draws = Draws(0, 4, 0)
    model = material.untrained(draws)
    subset = np.arange(0, material.num_train, 2)
    train_model(model, material.inputs, subset, len(subset), recipe, draws, teacher)
    return model.state_dict()


class Counting(torch.nn.Module):
    """A teacher that counts its forward passes and keeps what it was shown."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.seen: list[torch.Tensor] = []
        self.classes = classes

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        assert not torch.is_grad_enabled()
        self.seen.append(inputs.clone())
        return inputs.flatten(1)[:, : self.classes]


@pytest.mark.parametrize("augment", ["none", "crop+flip"])
def test_a_student_that_does_not_listen_is_the_one_hot_model_bit_for_bit(material, augment):
    recipe = replace(material.plan.recipe, augment=augment)
    material = replace(material, plan=replace(material.plan, recipe=recipe))
    deaf = open_teacher(Counting(4), Teaching(8, soft_weight=0), material, np.arange(0, material.num_train, 2))
    expected, found = trained(material, recipe, None), trained(material, recipe, deaf)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    listening = replace_weight(deaf, 0.9)
    other = trained(material, recipe, listening)
    assert any(not torch.equal(expected[name], other[name]) for name in expected)


def replace_weight(teacher: Teacher, soft_weight: float) -> Teacher:
    return Teacher(
        replace(teacher.teaching, soft_weight=soft_weight), teacher.network, teacher.precision, teacher.table
    )


def test_without_augmentation_the_teacher_is_asked_once_of_each_example_of_the_subset(material):
    network = Counting(4)
    positions = np.arange(0, material.num_train, 2)
    teacher = open_teacher(network, Teaching(8), material, positions)
    trained(material, material.plan.recipe, teacher)
    assert sum(len(inputs) for inputs in network.seen) == len(positions)
    assert not torch.isnan(teacher.table[positions]).any()
    assert torch.isnan(teacher.table[1::2]).all()  # what is outside the subset is never told
    assert teacher.seconds > 0


def test_with_augmentation_the_teacher_sees_each_batch_as_the_student_does(material):
    recipe = replace(material.plan.recipe, augment="crop+flip", epochs=2)
    material = replace(material, plan=replace(material.plan, recipe=recipe))
    network = Counting(4)
    teacher = open_teacher(network, Teaching(8), material, np.arange(0, material.num_train, 2))
    assert teacher.table is None
    draws = Draws(0, 4, 0)
    student = material.untrained(draws)
    shown = []
    student.register_forward_pre_hook(lambda module, inputs: shown.append(inputs[0].clone()))
    positions = np.arange(0, material.num_train, 2)
    train_model(student, material.inputs, positions, material.num_train // 2, recipe, draws, teacher)
    assert len(shown) == len(network.seen) > 2
    assert all(torch.equal(one, other) for one, other in zip(shown, network.seen, strict=True))


def test_a_table_holds_the_logits_of_the_network_in_evaluation_mode(material):
    network = material.untrained(Draws(0, 8, 0)).eval()
    positions = np.array([5, 3, 100])
    table = logits_of(network, material, positions)
    pixels = material.images[positions].double()
    inputs = ((pixels - material.mean) * material.scale).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        assert torch.allclose(table[positions], network(inputs), atol=1e-5)


@pytest.mark.parametrize("augment", ["none", "crop+flip"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_teachers_of_students_that_are_trained_at_once_tell_each_what_its_own_would(material, augment, smoothing):
    recipe = replace(material.plan.recipe, augment=augment)
    material = replace(material, plan=replace(material.plan, recipe=recipe))
    networks = [material.untrained(Draws(0, 8, model)).eval() for model in range(3)]
    subsets = np.stack([material.plan.subset(material.num_train, model) for model in range(3)])
    numbered = dict(enumerate(networks)), dict(enumerate(subsets))
    teachers = open_teachers(material, Teaching(8, 3.0, 0.7), *numbered, 3)
    random = np.random.default_rng(0)
    index = torch.from_numpy(np.stack([random.choice(np.flatnonzero(row), 16) for row in subsets]))
    inputs = material.inputs.of(index.flatten()).unflatten(0, index.shape)
    students = torch.randn(3, 16, material.num_classes, requires_grad=True)
    labels = material.labels[index]
    found = teachers.loss(students, labels, index, inputs, smoothing)
    found.sum().backward()
    assert (teachers.table is None) == (augment != "none")
    for place, network in enumerate(networks):
        alone = open_teacher(network, Teaching(8, 3.0, 0.7), material, np.flatnonzero(subsets[place]))
        student = students[place].detach().clone().requires_grad_()
        expected = alone.loss(student, labels[place], index[place], inputs[place], smoothing)
        expected.backward()
        assert float(found[place].detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
        assert torch.allclose(students.grad[place], student.grad, atol=1e-6)
        some = teachers.of([place])
        one = some.loss(*(tensor[place : place + 1] for tensor in (students, labels, index, inputs)), smoothing)
        assert float(one.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
        if augment == "none":
            assert torch.isnan(teachers.table[place, ~subsets[place]]).all()
            told = teachers.table[place, subsets[place]]
            assert torch.allclose(told, alone.table[subsets[place]], atol=1e-5)
