"""Columns are read back as the page's script reads them, with nothing but what their description says."""

import math
import zlib

import numpy as np
import pytest

from memscope.page.columns import Column, common_denominator, measured, whole
from tests.page.reading import codes_of, values_of


def test_measured_values_come_back_to_half_of_a_step():
    random = np.random.default_rng(0)
    values = random.normal(size=(3, 500)).astype(np.float32)
    values[1, ::7] = np.nan
    for kind, bits in (("uint8", 8), ("uint16", 16)):
        column = measured("x", "x", values, "g", per="size", kind=kind)
        told = values_of(column).reshape(values.shape)
        assert np.array_equal(np.isnan(told), np.isnan(values))
        step = float(np.nanmax(values) - np.nanmin(values)) / (2**bits - 2)
        assert np.nanmax(np.abs(told - values.astype(np.float64))) <= step / 2 * (1 + 1e-9)
        assert (column.least, column.most) == (np.nanmin(values), np.nanmax(values))


def test_values_beyond_the_span_are_kept():
    column = measured("x", "x", np.array([-0.2, 0.5, 1.1]), "g", span=(0, 1), denominator=10)
    assert np.allclose(values_of(column), [-0.2, 0.5, 1.1], atol=1.3 / 254 / 2)


def test_multiples_of_a_part_are_exact_as_far_as_16_bits_have_room():
    values = np.array([-3.07, 0.0, 0.29])
    column = measured("x", "x", values, "g", denominator=100, kind="uint16")
    assert np.abs(values_of(column) - values).max() < 1e-12
    values = np.array([-300.07, 0.29, 655.35])
    column = measured("x", "x", values, "g", denominator=100, kind="uint16")
    assert np.abs(values_of(column) - values).max() <= 955.42 / (2**16 - 2) / 2 * (1 + 1e-9)


@pytest.mark.parametrize(("n_in", "n_out", "kind"), [(28, 12, "uint8"), (7, 3, "uint8"), (70, 30, "uint16")])
def test_scores_of_models_that_are_counted_are_exact(n_in, n_out, kind):
    """And so a limit parts them as it does in float64."""
    random = np.random.default_rng(1)
    shares = [random.integers(0, n + 1, (4, 300)) / n for n in (n_in, n_out)]
    score = (shares[0] - shares[1]).astype(np.float32)  # as it is stored
    denominator = common_denominator(np.array([n_in]), np.array([n_out, 0]))
    column = measured("x", "x", score, "g", per="size", span=(-1, 1), denominator=denominator)
    assert column.kind == kind
    assert np.abs(values_of(column).reshape(score.shape) - (shares[0] - shares[1])).max() < 1e-12
    assert denominator == math.lcm(n_in, n_out)


def test_many_numbers_of_models_have_no_common_denominator():
    assert common_denominator(np.arange(1, 60)) is None
    assert common_denominator(np.array([0])) == 1


def test_infinity_is_the_last_code_of_those_with_a_value():
    column = measured("x", "x", np.array([0.0, 1.0, np.inf, np.nan, 3.0]), "g")
    assert column.endless
    codes = codes_of(column)
    assert codes[2] == column.missing - 1
    assert codes[3] == column.missing
    assert codes[4] < codes[2]
    told = values_of(column)
    assert np.allclose(told[[0, 1, 4]], [0, 1, 3], atol=3 / 253 / 2)
    assert np.isposinf(told[2])
    assert np.isnan(told[3])


def test_nothing_is_known_of_no_example():
    column = measured("x", "x", np.full((2, 5), np.nan), "g", per="size")
    assert np.isnan(values_of(column)).all()
    assert (column.least, column.most) == (None, None)
    constant = measured("x", "x", np.full(5, 0.7), "g")
    assert values_of(constant).tolist() == [0.7] * 5


@pytest.mark.parametrize(
    ("largest", "kind"), [(0, "uint8"), (254, "uint8"), (255, "uint16"), (65534, "uint16"), (65535, "int32")]
)
def test_whole_numbers_come_back_as_they_are(largest, kind):
    values = np.array([0, -1, largest, largest // 2])
    column = whole("x", "x", values)
    assert column.kind == kind
    assert values_of(column).tolist() == [0, None, largest, largest // 2]


def test_a_column_is_raw_deflate_of_numbers_with_the_least_byte_first():
    column = whole("x", "x", np.array([1, 300]))
    assert zlib.decompress(column.packed, -15) == bytes([1, 0, 44, 1])
    assert isinstance(column, Column)
    assert "packed" not in column.described()
