import math

import numpy as np

from memscope.analysis.proxies.error_norm import error_norm, squared_error_norm


def test_the_error_norm_is_the_distance_to_the_vertex_of_the_label():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), size=7).astype(np.float32)
    before = probabilities.copy()
    labels = np.array([0, 1, 2, 3, 3, 2, 0])
    expected = []
    for row, label in zip(probabilities, labels, strict=True):
        squares = [(float(p) - (place == label)) ** 2 for place, p in enumerate(row)]
        expected.append(math.sqrt(sum(squares)))
    np.testing.assert_allclose(error_norm(probabilities, labels), expected, rtol=1e-14)
    np.testing.assert_allclose(squared_error_norm(probabilities, labels), np.square(expected), rtol=1e-14)
    assert np.array_equal(probabilities, before)
    assert error_norm(probabilities, labels).dtype == np.float64


def test_it_goes_from_nothing_to_the_square_root_of_two():
    probabilities = np.array([[1.0, 0, 0], [0, 1, 0], [np.nan, np.nan, np.nan]])
    found = error_norm(probabilities, np.array([0, 0, 0]))
    assert found[:2].tolist() == [0, math.sqrt(2)]
    assert np.isnan(found[2])
