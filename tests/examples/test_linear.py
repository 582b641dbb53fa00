"""The linear example: its base model, what is derived of its risks, and that risks are as derived."""

import linear
import numpy as np
import pytest

RADIUS = 0.5


@pytest.fixture(scope="module")
def problem():
    random = np.random.default_rng(0)
    x = linear.uniform_in_ball(40, 3, random) * [1.0, 0.3, 2.0]
    return x, x @ np.array([0.6, 0.0, -0.8]), random


def test_points_fill_the_ball_evenly():
    """In every direction the variance is 1 / (d + 2), and a half of the radius holds 2^-d of the points."""
    for dimensions in (1, 3, 6):
        x = linear.uniform_in_ball(200_000, dimensions, np.random.default_rng(1))
        np.testing.assert_allclose(x.T @ x / len(x), np.eye(dimensions) / (dimensions + 2), atol=0.003)
        assert np.linalg.norm(x, axis=1).max() <= 1
        assert (np.linalg.norm(x, axis=1) < 0.5).mean() == pytest.approx(0.5**dimensions, abs=0.004)


def test_no_model_of_the_allowed_norm_fits_better(problem):
    x, y, random = problem
    base = linear.least_squares_in_ball(x, y, RADIUS)
    assert np.linalg.norm(base) == pytest.approx(RADIUS, rel=1e-9)
    loss = np.mean((y - x @ base) ** 2)
    others = linear.uniform_in_ball(20_000, 3, random) * RADIUS
    near = base + random.normal(size=(20_000, 3)) * 1e-3
    near *= np.minimum(1, RADIUS / np.linalg.norm(near, axis=1))[:, np.newaxis]
    for many in (others, near):
        assert np.mean((y[:, np.newaxis] - x @ many.T) ** 2, axis=0).min() >= loss - 1e-12


def test_a_target_within_the_norm_is_found(problem):
    x, y, _ = problem
    np.testing.assert_allclose(linear.least_squares_in_ball(x, y, 1.5), [0.6, 0, -0.8], atol=1e-8)
    np.testing.assert_allclose(linear.least_squares_in_ball(x, y / 4, RADIUS), [0.15, 0, -0.2], atol=1e-8)


def test_the_expected_distance_of_the_nearest_is_the_mean_of_the_least_of_n_uniform_numbers():
    random = np.random.default_rng(2)
    for dimensions, count in ((1, 5), (4, 60)):
        least = random.random((40_000, count)).min(axis=1)  # the share of the volume within the distance
        expected = (1 - RADIUS) ** 2 / dimensions * np.mean(least ** (2 / dimensions))
        found = linear.decline(dimensions, np.array([count]), RADIUS)[0]
        assert found == pytest.approx(expected, rel=0.03)


def test_the_base_model_stays_at_its_limit_and_resmem_declines_as_derived(capsys, tmp_path):
    file = tmp_path / "linear.png"
    arguments = f"--dimensions 2 3 --most 3000 --repeats 6 --asked 800 --figure {file}"
    for risks in linear.main(arguments.split()):
        limit = linear.plateau(risks.dimensions, RADIUS)
        assert limit == pytest.approx(0.25 / (risks.dimensions + 2))
        np.testing.assert_allclose(risks.base.mean(axis=0)[2:], limit, rtol=0.08)
        formula = linear.decline(risks.dimensions, risks.examples, RADIUS)
        ratio = risks.resmem.mean(axis=0) / formula
        assert (np.abs(ratio[-3:] - 1) < 0.25).all()  # the surface adds some, the less the more examples there are
        assert linear.slope(risks)[0] == pytest.approx(-2 / risks.dimensions, abs=0.12)
        assert risks.resmem.mean(axis=0)[-1] < risks.base.mean(axis=0)[-1] / 10
        # neighbours alone have to tell what the base model has learnt, too
        np.testing.assert_allclose(risks.nearest.mean(axis=0) / risks.resmem.mean(axis=0), 4, rtol=0.25)
    assert file.read_bytes().startswith(b"\x89PNG")
    assert "d = 3: the base model's risk tends to 0.05000" in capsys.readouterr().out


def test_no_number_of_examples_brings_the_base_model_below_its_limit():
    random = np.random.default_rng(3)
    target = np.array([1.0, 0, 0, 0])
    for count in (4, 30, 3000):
        x = linear.uniform_in_ball(count, 4, random)
        base = linear.least_squares_in_ball(x, x @ target, RADIUS)
        risk = np.sum((target - base) ** 2) / 6
        assert risk >= linear.plateau(4, RADIUS) - 1e-12
    assert risk == pytest.approx(linear.plateau(4, RADIUS), rel=0.01)
