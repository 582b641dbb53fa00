import numpy as np
import pytest
import torch
from torch import nn

from memscope.analysis.proxies.curvature import (
    curvature_over_step,
    curvature_words,
    directions,
    gradient_changes,
    input_curvature,
    squared_curvature,
)
from memscope.errors import MemscopeError
from memscope.streams import stream
from tests.analysis.proxies.tiny_networks import convolutional, perceptron, tiny


class Quadratic(nn.Module):
    """Logits of two classes of which the cross-entropy of class 0 is x'Ax / 2 + b'x + 9, for inputs x [B, d]."""

    def __init__(self, matrix, slope):
        super().__init__()
        self.matrix, self.slope = nn.Parameter(matrix), slope

    def forward(self, inputs):
        flat = inputs.flatten(1)
        loss = (flat @ self.matrix * flat).sum(dim=1) / 2 + flat @ self.slope + 9
        return torch.stack([torch.zeros_like(loss), torch.log(torch.expm1(loss))], dim=1)  # log(1 + e^z) = loss


def quadratic(examples=6):
    torch.manual_seed(3)
    half = torch.randn(8, 8, dtype=torch.float64)
    network = Quadratic(half @ half.T / 4, torch.randn(8, dtype=torch.float64))
    return network, torch.randn(examples, 2, 2, 2, dtype=torch.float64), torch.zeros(examples, dtype=torch.int64)


def bit(words, place):
    """A bit of a row of words, as whole numbers of Python have it."""
    return int(words[place // 64]) >> (place % 64) & 1


def test_directions_are_the_bits_of_an_examples_words():
    words = curvature_words(stream("test"), 5, (2, 3, 4), n=7)
    assert words.shape == (5, 3)  # 168 bits
    expected = [[2 * bit(row, place) - 1 for place in range(168)] for row in words]
    assert directions(words, (2, 3, 4), 7).reshape(5, -1).tolist() == expected


def test_words_of_an_example_do_not_depend_on_how_many_come_after_it():
    words = curvature_words(stream("test", 1), 9, (3, 5, 5))
    assert np.array_equal(curvature_words(stream("test", 1), 4, (3, 5, 5)), words[:4])
    assert len(np.unique(words)) == words.size


def test_directions_are_fair_and_independent():
    v = directions(curvature_words(stream("test"), 400, (5, 5)), (5, 5), 10).reshape(-1, 25).astype(float)
    assert set(np.unique(v)) == {-1, 1}
    assert np.abs(v.mean(axis=0)).max() < 4.5 / np.sqrt(len(v))
    products = v.T @ v / len(v) - np.eye(25)
    assert np.abs(products).max() < 4.5 / np.sqrt(len(v))


def test_changes_are_those_of_a_quadratic_whose_hessian_is_known():
    network, inputs, labels = quadratic()
    words = curvature_words(stream("test"), 6, (2, 2, 2))
    found = gradient_changes(network, inputs, labels, words)
    matrix = network.matrix.detach().numpy()
    expected = np.empty((6, 10))
    for example in range(6):
        for number in range(10):
            v = np.array([2 * bit(words[example], 8 * number + place) - 1 for place in range(8)])
            expected[example, number] = 1e-3 * np.sqrt(np.square(matrix @ v).sum())
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(input_curvature(found), expected.sum(axis=1) / 10, rtol=1e-9)
    np.testing.assert_allclose(squared_curvature(found), (expected**2).sum(axis=1) / 10, rtol=1e-9)
    np.testing.assert_allclose(curvature_over_step(found), expected.sum(axis=1) * 100, rtol=1e-9)


def test_squared_changes_over_h_squared_estimate_the_trace_of_the_squared_hessian():
    network, inputs, labels = quadratic(examples=1)
    words = curvature_words(stream("test"), 1, (2, 2, 2), n=500)
    found = squared_curvature(gradient_changes(network, inputs, labels, words, n=500)) / 1e-6
    matrix = network.matrix.detach().numpy()
    np.testing.assert_allclose(found, np.trace(matrix @ matrix), rtol=0.1)


@pytest.mark.parametrize("build", [convolutional, perceptron])
def test_changes_are_those_of_a_loop_over_examples_and_directions(build):
    network, inputs, labels = tiny(build)
    words = curvature_words(stream("test"), len(inputs), (2, 6, 6), n=3)
    found = gradient_changes(network, inputs, labels, words, n=3, step=0.01)
    network.eval()

    def gradient(example, label):
        here = example[None].clone().requires_grad_()
        loss = nn.functional.cross_entropy(network(here), label[None])
        return torch.autograd.grad(loss, here)[0]

    for example in range(len(inputs)):
        for number in range(3):
            bits = [2.0 * bit(words[example], 72 * number + place) - 1 for place in range(72)]
            moved = inputs[example] + 0.01 * torch.tensor(bits, dtype=torch.float64).reshape(2, 6, 6)
            change = gradient(moved, labels[example]) - gradient(inputs[example], labels[example])
            np.testing.assert_allclose(found[example, number], float(change.norm()), rtol=1e-9, atol=1e-14)


def test_neither_the_number_of_rows_nor_the_other_examples_change_anything():
    network, inputs, labels = tiny(convolutional)
    words = curvature_words(stream("test"), len(inputs), (2, 6, 6))
    whole = gradient_changes(network, inputs, labels, words)
    for rows in (1, 3, 4):
        np.testing.assert_allclose(
            gradient_changes(network, inputs, labels, words, rows=rows), whole, rtol=1e-10, atol=1e-15
        )
    some = np.array([7, 2, 9])
    part = gradient_changes(network, inputs[some], labels[some], words[some])
    np.testing.assert_allclose(part, whole[some], rtol=1e-10, atol=1e-15)


def test_float32_is_exact_enough_for_so_small_a_step():
    exact, single = [], []
    for found, precision in ((exact, torch.float64), (single, torch.float32)):
        network, inputs, labels = tiny(perceptron, torch.float32)
        words = curvature_words(stream("test"), len(inputs), (2, 6, 6))
        found.append(input_curvature(gradient_changes(network.to(precision), inputs.to(precision), labels, words)))
    np.testing.assert_allclose(single[0], exact[0], rtol=1e-2)  # .0055 with AVX2 on an AMD processor


def test_a_network_that_cannot_be_differentiated_is_told():
    class Detached(nn.Module):
        def forward(self, inputs):
            return torch.from_numpy(inputs.detach().numpy()).flatten(1)

    _, inputs, labels = tiny(perceptron)
    with pytest.raises(MemscopeError, match="input curvature cannot be had of the network Detached: "):
        gradient_changes(Detached(), inputs, labels, curvature_words(stream("test"), len(inputs), (2, 6, 6)))
