import numpy as np
import pytest

from memscope.analysis.memory_use import memory_use, residual_norms, weight_by_class

RETRIEVED = np.array([[0, 2], [2, 3], [2, 0]])
WEIGHTS = np.array([[0.75, 0.25], [0.5, 0.5], [0.9, 0.1]])


def test_queries_and_weights_are_added_up_by_example():
    use = memory_use(RETRIEVED, WEIGHTS, 5)
    assert use.retrieved.tolist() == [2, 0, 3, 1, 0]
    assert use.weight == pytest.approx([0.85, 0, 1.65, 0.5, 0])
    assert use.weight.sum() == pytest.approx(3)  # each query has one to give


def test_weights_by_class_are_those_of_the_queries_with_that_label():
    found = weight_by_class(RETRIEVED, WEIGHTS, np.array([1, 0, 1]), 5, 3)
    assert found.shape == (5, 3)
    assert found[2] == pytest.approx([0.5, 1.15, 0])
    assert found.sum(1) == pytest.approx(memory_use(RETRIEVED, WEIGHTS, 5).weight)


def test_norms_of_residuals_by_hand():
    logits, labels = np.log([[1, 3], [1, 1]]), np.array([1, 0])
    assert residual_norms(logits, labels) == pytest.approx([np.hypot(0.25, 0.25), np.hypot(0.5, 0.5)])
