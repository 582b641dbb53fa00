import math

import numpy as np
import torch

from memscope.analysis.proxies.gradient_variance import (
    mean_variance_of_gradients,
    standardised_by_class,
    variance_of_gradients,
)
from memscope.analysis.proxies.gradients import input_gradients
from tests.analysis.proxies.tiny_networks import convolutional, tiny


def by_loop(stack, root, ddof):
    """The mean over pixels of the deviation, or variance, over checkpoints: number by number. [T, N, C, H, W]"""
    checkpoints, examples, colours, height, width = stack.shape
    found = []
    for example in range(examples):
        spreads = []
        for row in range(height):
            for column in range(width):
                track = [
                    sum(float(stack[t, example, colour, row, column]) for colour in range(colours)) / colours
                    for t in range(checkpoints)
                ]
                mean = sum(track) / checkpoints
                variance = sum((value - mean) ** 2 for value in track) / (checkpoints - ddof)
                spreads.append(math.sqrt(variance) if root else variance)
        found.append(sum(spreads) / len(spreads))
    return found


def test_variance_of_gradients_is_that_of_a_loop_over_checkpoints_and_pixels():
    stack = (np.random.default_rng(0).normal(size=(4, 5, 3, 2, 3)) + 7).astype(np.float32)
    found = variance_of_gradients(stack)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, by_loop(stack, root=True, ddof=0), rtol=1e-12)
    np.testing.assert_allclose(mean_variance_of_gradients(list(stack)), by_loop(stack, root=False, ddof=1), rtol=1e-12)


def test_inputs_without_colours_are_taken_number_by_number():
    stack = np.random.default_rng(1).normal(size=(4, 5, 6))
    np.testing.assert_allclose(
        variance_of_gradients(stack), by_loop(stack[:, :, None, None], root=True, ddof=0), rtol=1e-12
    )


def test_small_variance_beside_large_gradients_is_not_lost():
    stack = np.stack([np.full((1, 1, 1, 1), 1e8 + step) for step in (-1.0, 0, 1)])
    np.testing.assert_allclose(variance_of_gradients(stack), math.sqrt(2 / 3), rtol=1e-12)


def test_checkpoints_of_a_network_from_its_gradients_on():
    network, inputs, labels = tiny(convolutional)
    stack = []
    for factor in (1, 2, 4):  # checkpoints that differ in the last layer alone: logits, and gradients, times 1, 2, 4
        with torch.no_grad():
            network[-1].weight.mul_(1 if factor == 1 else 2)
        stack.append(input_gradients(network, inputs, labels))
    spread = math.sqrt(((1 - 7 / 3) ** 2 + (2 - 7 / 3) ** 2 + (4 - 7 / 3) ** 2) / 3)
    expected = spread * np.abs(stack[0].mean(axis=1)).mean(axis=(1, 2))
    np.testing.assert_allclose(variance_of_gradients(stack), expected, rtol=1e-10)


def test_standardised_values_have_mean_and_deviation_of_their_class():
    values = np.array([1.0, 5, 2, 7, 3, np.nan, 9, 0.1, 0.1, 0.1])
    labels = np.array([0, 1, 0, 1, 0, 0, 2, 3, 3, 3])
    found = standardised_by_class(values, labels)
    third = math.sqrt(2 / 3)
    np.testing.assert_allclose(found, [-1 / third, -1, 0, 1, 1 / third, np.nan, 0, 0, 0, 0], atol=1e-15)
