"""Whether the population may lead: what is said where models or examples lack, and where something is off."""

import math
from types import SimpleNamespace

import numpy as np

from memscope.analysis.population.estimate import population_from_sums
from memscope.analysis.population.sums import population_sums
from memscope.analysis.population.threshold import shares_near
from memscope.counting.population_check import check_population
from tests.analysis.population.populations import FLAT_AMONG_SMOOTH, OWN, STEPS_BELOW, Classed
from tests.analysis.population.test_estimate import SIZES


def checked(kind, examples=600, models=40, flipped=None):
    here = Classed(kind, examples, models)
    sums = population_sums(SIZES, examples)
    for size in range(SIZES):
        sums.add(
            size, range(models), here.in_subset, here.correct[size], here.probability[size], np.arange(models) // 10
        )
    run = SimpleNamespace(
        plan=SimpleNamespace(block=10, models=models), examples=SimpleNamespace(labels=here.labels, flipped=flipped)
    )
    near = shares_near(sums, population_from_sums(sums).type_prior, 0.2)
    return check_population(run, sums, near, 0.2, 0)


def test_too_few_blocks_are_named_with_the_models_that_would_do():
    found = checked(OWN, models=30)
    assert not found.passed
    assert found.reason == "3 blocks of models that every size has, of at least 4"
    assert (found.blocks, found.models_that_would_tell) == (3, 40)


def test_no_number_of_models_stands_in_for_examples():
    found = checked(OWN, examples=499)
    assert not found.passed
    assert found.reason == "499 examples, of at least 500"
    assert found.models_that_would_tell is None


def test_what_is_foretold_passes_and_so_do_labels_that_were_flipped_at_random():
    flipped = np.arange(600) % 10 == 3
    found = checked(OWN, flipped=flipped)
    assert (found.passed, found.reason, found.models_that_would_tell) == (True, "", None)
    assert (found.blocks, found.examples, found.off) == (4, 600, ())
    assert found.subgroups == {"flipped": True, "clean": True}


def test_a_subgroup_of_another_kind_is_not_told_as_a_mean_of_the_posterior():
    here = Classed(FLAT_AMONG_SMOOTH, 1000)
    found = checked(FLAT_AMONG_SMOOTH, 1000, flipped=here.labels == 0)
    assert not found.passed
    assert found.subgroups["flipped"] is False
    assert found.models_that_would_tell == 80
    worst = found.off[0]
    assert (worst.family, worst.group) == ("spread", "0")
    assert worst.errors < -3
    assert found.reason.startswith(
        "halves of the models do not foretell how much scores change over the sizes (0): -0.00"
    )
    assert f"{abs(worst.errors):.1f} standard errors" in found.reason


def test_a_share_that_hangs_on_the_threshold_is_said_to():
    found = checked(STEPS_BELOW)
    assert not found.passed
    assert found.off[0].family == "threshold"
    assert math.isnan(found.off[0].errors)
    assert "hangs on the threshold, and is another one somewhat" in found.reason
    assert "errors" not in found.reason
