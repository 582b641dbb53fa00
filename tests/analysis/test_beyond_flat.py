"""A type is beyond flat trajectories by one rule, on screens and in figures: t over the blocks, all types together."""

import numpy as np
import pytest

from memscope.analysis.beyond_flat import CHANGING, beyond_flat
from memscope.analysis.trajectories import TYPES

FLAT = dict.fromkeys(TYPES, 0.1)


def excess_of(errors_away: float, blocks: int, error: float = 0.01) -> list[str]:
    shares = FLAT | {"increasing": 0.1 + errors_away * error, "decreasing": 0.1 - errors_away * error}
    return list(beyond_flat(shares, FLAT, dict.fromkeys(TYPES, error), blocks))


# quantiles of Student's t at 1 - 0.025 / 5, from a table: 3, 9 and 39 degrees of freedom
@pytest.mark.parametrize(("blocks", "quantile"), [(4, 5.841), (10, 3.250), (40, 2.708)])
def test_five_types_are_held_against_t_together(blocks, quantile):
    assert len(CHANGING) == 5
    assert excess_of(quantile + 0.01, blocks) == ["increasing"]
    assert excess_of(quantile - 0.01, blocks) == []


def test_unknown_errors_and_too_few_blocks_tell_nothing():
    assert excess_of(100, 1) == []
    assert beyond_flat(FLAT | {"u-shaped": 0.9}, FLAT, {}, 10) == {}
    assert excess_of(100, 10, np.nan) == []


def test_constant_ones_are_no_change_however_many():
    assert beyond_flat(FLAT | {"constant": 0.9}, FLAT, dict.fromkeys(TYPES, 0.01), 10) == {}
