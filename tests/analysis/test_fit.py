import numpy as np

from memscope.analysis.fit import fits_more_before, interpolates, own_accuracy, stuck_models


def test_own_accuracy_counts_the_own_subset_alone():
    labels = np.array([0, 1, 2, 3])
    predicted = np.array([[0, 1, 0, 0], [9, 9, 2, 3]])
    inside = np.array([[1, 0, 1, 0], [1, 1, 1, 1]], bool)
    found = own_accuracy(predicted, labels, inside)
    assert found.tolist() == [0.5, 0.5]
    assert found.dtype == np.float32


def test_the_median_model_decides_whether_a_size_interpolates():
    assert interpolates(np.array([0.2, 0.99, 1.0]))
    assert not interpolates(np.array([0.2, 0.98, 1.0]))


def test_models_are_stuck_below_half_of_the_median():
    assert stuck_models(np.array([0.1, 0.39, 0.41, 0.8, 0.8, 0.9])) == 1  # the median is .605
    assert stuck_models(np.array([0.4, 0.8, 0.8])) == 0  # half is not below half


def test_a_size_that_fits_less_is_held_against_the_best_smaller_one():
    assert fits_more_before([0.5, 0.9, 0.895, 0.7, 0.95]) == [None, None, None, 1, None]
    assert fits_more_before([0.9, 0.95, 0.8]) == [None, None, 1]
    assert fits_more_before([]) == []
