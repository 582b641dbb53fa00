"""Whether others take the place of those that are gone: against counts, and simulations of what chance does."""

import numpy as np
import pytest

from memscope.analysis.peel import peel_effect, remaining
from memscope.analysis.removal import FEWEST_SETS, paired_effect, removal_effect
from memscope.errors import OptionError

T_FOUR = 2.776445
"""Of 4 degrees of freedom, 95 %; from a table"""


def test_numbers_shares_and_means_are_those_of_a_loop_over_examples():
    random = np.random.default_rng(0)
    count, sets = 50, 5
    removed_most, removed_random = random.random(count) < 0.2, random.random((sets, count)) < 0.2
    score_most = np.where(removed_most, np.nan, random.random(count))
    score_random = np.where(removed_random, np.nan, random.random((sets, count)))
    here = remaining(removed_most, removed_random)
    found = peel_effect(here, score_most, score_random, score_most >= 0.5, score_random >= 0.5)
    number, share, mean, left = [], [], [], []
    for row in range(sets):
        both = [at for at in range(count) if not removed_most[at] and not removed_random[row, at]]
        more = sum(score_most[at] >= 0.5 for at in both) - sum(score_random[row, at] >= 0.5 for at in both)
        number.append(more)
        share.append(more / len(both))
        mean.append(np.mean([score_most[at] for at in both]) - np.mean([score_random[row, at] for at in both]))
        left.append(len(both))
    assert found.remaining == pytest.approx(np.mean(left))
    for effect, values in ((found.number, number), (found.share, share), (found.score, mean)):
        error = np.sqrt(sum((one - np.mean(values)) ** 2 for one in values) / 4) * np.sqrt(1 + 1 / 5)
        assert effect.difference == pytest.approx(np.mean(values))
        assert effect.error == pytest.approx(error)
        assert (effect.low, effect.high) == pytest.approx(
            (np.mean(values) - T_FOUR * error, np.mean(values) + T_FOUR * error), abs=1e-5
        )
        assert effect.degrees == 4


def test_an_example_without_a_score_in_one_arm_is_left_out_and_nothing_left_is_refused():
    score = np.array([0.1, 0.9, np.nan, 0.4])
    others = np.tile([0.2, 0.3, 0.5, 0.1], (5, 1))
    found = peel_effect(np.ones((5, 4), bool), score, others, score >= 0.25, others >= 0.25)
    assert (found.remaining, found.number.chosen, found.number.random) == (3, 2, 1)
    with pytest.raises(OptionError, match="no example is left in both arms"):
        peel_effect(np.zeros((5, 4), bool), score, others, score >= 0.25, others >= 0.25)


def test_arms_that_are_looked_at_in_one_way_only_are_compared_as_before():
    random = np.random.default_rng(1)
    chosen, others = random.random(10), [random.random(10) for _ in range(7)]
    one = removal_effect(chosen, others)
    other = paired_effect([chosen.mean()] * 7, [each.mean() for each in others])
    assert vars(one) == pytest.approx(vars(other))
    with pytest.raises(OptionError, match=f"at least {FEWEST_SETS}"):
        paired_effect([0.1] * 4, [0.2] * 4)


def simulated(random: np.random.Generator, shift: float, count: int = 300, removed: int = 40):
    """Scores of examples of their own probabilities, chosen by few models; `shift` is that of the chosen arm."""
    p_out = random.beta(3, 1, count)
    score = 1 - random.binomial(6, p_out) / 6
    most = np.argsort(-score + random.random(count) * 1e-6)[:removed]
    gone = np.zeros((6, count), bool)
    gone[0, most] = True
    for row in gone[1:]:
        row[random.choice(count, removed, replace=False)] = True

    def measured(row: int) -> np.ndarray:
        # the models of an arm have in common which were drawn, so that its scores move together
        p = np.clip(p_out - shift * (row == 0) + random.normal(0, 0.01), 0, 1)
        return np.where(gone[row], np.nan, 1 - random.binomial(6, p) / 6)

    scores = np.stack([measured(row) for row in range(6)])
    here = remaining(gone[0], gone[1:])
    above = scores >= 0.25
    return peel_effect(here, scores[0], scores[1:], above[0], above[1:]), score, most


def test_regression_to_the_mean_is_no_finding():
    """If nothing happens to the others, the interval holds 0 in 95 % of the cases, for the number and for the mean."""
    random = np.random.default_rng(2)
    held, rises = [], []
    for _ in range(400):
        found, before, most = simulated(random, 0.0)
        held.append([one.low <= 0 <= one.high for one in (found.number, found.share, found.score)])
        # against the scores by which they were chosen, those that are left seem to rise
        left = np.setdiff1d(np.arange(len(before)), most)
        rises.append(found.score.chosen - before[left].mean())
    assert np.abs(np.mean(held, axis=0) - 0.95).max() < 4 * np.sqrt(0.95 * 0.05 / 400)
    assert np.mean(rises) > 0.02
    assert np.mean(rises) > 10 * np.std(rises) / np.sqrt(400)


def test_what_does_happen_is_found_without_bias():
    random = np.random.default_rng(3)
    found = [simulated(random, 0.1)[0] for _ in range(100)]
    assert np.mean([one.number.low > 0 for one in found]) > 0.9
    means = np.array([one.score.difference for one in found])
    assert np.mean([one.score.low > 0 for one in found]) > 0.95
    # .1 for all whose probability does not reach 0, which are nearly all of these
    assert abs(means.mean() - 0.1) < 4.5 * means.std() / 10 + 0.002
