import sys

import numpy as np
import pytest

from memscope.analysis.statistics.dip import dip_of, dithered
from memscope.errors import MemscopeError, OptionError

MODELS = 12


def counted(accuracy, seed):
    """Accuracies on the lattice of so many models."""
    return np.random.default_rng(seed).binomial(MODELS, accuracy) / MODELS


@pytest.fixture(scope="module")
def truths():
    random = np.random.default_rng(0)
    either = random.random(800) < 0.4
    return {
        "one": random.beta(2, 4, 800),
        "uniform": random.random(800),
        "spike": np.where(random.random(800) < 0.6, 0, random.beta(1, 3, 800)),
        "two": np.where(either, random.beta(8, 2, 800), random.beta(2, 8, 800)),
        "atoms": np.where(either, 1.0, 0.0),
    }


@pytest.mark.parametrize(
    ("name", "bimodal"), [("one", False), ("uniform", False), ("spike", False), ("two", True), ("atoms", True)]
)
def test_two_modes_are_found_through_the_lattice_and_one_is_not_two(truths, name, bimodal):
    pytest.importorskip("diptest")
    found = dip_of(counted(truths[name], 3), 1 / MODELS)
    assert (found.p_value < 0.01) == bimodal
    assert not bimodal or found.dip > found.null
    assert found.values == 800


def test_without_dithering_the_lattice_alone_would_be_many_modes(truths):
    diptest = pytest.importorskip("diptest")
    share = counted(truths["one"], 1)
    assert diptest.diptest(share)[1] < 0.01
    assert diptest.diptest(dithered(share, 1 / MODELS, np.random.default_rng(0)))[1] > 0.1


def test_of_one_mode_it_says_two_in_one_of_twenty_at_most():
    pytest.importorskip("diptest")
    random = np.random.default_rng(5)
    said = [dip_of(counted(random.random(200), seed), 1 / MODELS, seed).p_value <= 0.05 for seed in range(200)]
    assert np.mean(said) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)
    said = [dip_of(counted(random.beta(2, 4, 200), seed), 1 / MODELS, seed).p_value <= 0.05 for seed in range(100)]
    assert np.mean(said) <= 0.05


def test_the_same_seed_gives_the_same_dip_and_too_few_values_are_refused(truths):
    pytest.importorskip("diptest")
    share = counted(truths["two"], 1)
    assert dip_of(share, 1 / MODELS) == dip_of(np.append(share, np.nan), 1 / MODELS)
    with pytest.raises(OptionError):
        dip_of(share[:9], 1 / MODELS)


def test_without_diptest_the_way_to_get_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "diptest", None)
    with pytest.raises(MemscopeError, match=r'pip install "memscope-ml\[proxies\]"'):
        dip_of(np.zeros(20), 0.1)
