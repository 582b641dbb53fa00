"""What is removed, and how the arms are compared: against counts, simulations and a table of Student's t."""

import numpy as np
import pytest

from memscope.analysis.removal import choose_removal, removal_effect
from memscope.errors import OptionError


def made(count: int = 400, seed: int = 0):
    """Scores, labels in four classes of unequal size, units of which a few are pairs and threes, flips."""
    random = np.random.default_rng(seed)
    labels = random.choice(4, count, p=[0.4, 0.3, 0.2, 0.1])
    units = np.arange(count)
    units[10:20] = units[0:10]
    units[20:25] = units[0:5]
    flipped = random.random(count) < 0.15
    scores = random.normal(0.1, 0.1, count) + 0.5 * flipped
    return scores, labels, units, flipped


def whole(units: np.ndarray, chosen: np.ndarray) -> bool:
    return not set(units[chosen]) & set(units[~chosen])


def test_the_most_and_the_least_are_so_and_all_sets_have_the_same_classes_and_whole_units():
    scores, labels, units, _ = made()
    found = choose_removal(scores, labels, units, 60, sets=7, seed=3)
    assert found.random.shape == (7, 400)
    everything = [found.most, found.least, *found.random]
    classes = np.bincount(labels[found.most], minlength=4)
    for chosen in everything:
        assert chosen.sum() == 60
        assert whole(units, chosen)
        np.testing.assert_array_equal(np.bincount(labels[chosen], minlength=4), classes)
    assert not (found.most & found.least).any()
    alone = np.bincount(units, minlength=400)[units] == 1
    # no example that is alone and left out has a higher score than one that is chosen, within its class a lower one
    assert scores[alone & ~found.most].max() < scores[alone & found.most].min()
    for label in range(4):
        here = alone & (labels == label)
        assert scores[here & ~found.least].min() > scores[here & found.least].max()
    assert len({chosen.tobytes() for chosen in everything}) == 9
    np.testing.assert_allclose(found.shared, [(one & found.most).sum() / 60 for one in found.random])


def test_random_sets_can_be_matched_on_flips_too():
    scores, labels, units, flipped = made()
    with_flips = choose_removal(scores, labels, units, 60, flipped=flipped)
    without = choose_removal(scores, labels, units, 60)
    np.testing.assert_array_equal(with_flips.most, without.most)
    np.testing.assert_array_equal(with_flips.least, without.least)
    wanted = np.bincount(2 * labels[with_flips.most] + flipped[with_flips.most], minlength=8)
    for chosen in with_flips.random:
        assert whole(units, chosen)
        np.testing.assert_array_equal(np.bincount(2 * labels[chosen] + flipped[chosen], minlength=8), wanted)
    assert flipped[with_flips.most].sum() > 2 * max(flipped[one].sum() for one in without.random)


def test_every_example_of_a_class_is_as_likely_in_a_random_set():
    labels = np.repeat([0, 1, 0], [28, 10, 2])
    found = choose_removal(np.arange(40.0), labels, np.arange(40), 7, sets=4000)
    assert labels[found.most].sum() == 5
    # of a share p over 4,000 sets the standard error is (p (1 - p) / 4000)^.5: .008 of 5 / 10, .004 of 2 / 30
    share = found.random.mean(0)
    np.testing.assert_allclose(share[labels == 1], 5 / 10, atol=4.5 * 0.008)
    np.testing.assert_allclose(share[labels == 0], 2 / 30, atol=4.5 * 0.004)


def test_where_a_class_is_memorised_whole_there_are_no_least_to_compare_with():
    labels = np.repeat([0, 1], [30, 10])
    with pytest.raises(OptionError, match="there are not 12 examples with low scores of the classes of the 12 most"):
        choose_removal(np.arange(40.0), labels, np.arange(40), 12)


def test_pairs_are_as_likely_as_single_examples():
    units = np.array([0, 0, 1, 1, *range(2, 38)])
    found = choose_removal(np.arange(40.0), np.zeros(40, dtype=int), units, 10, sets=4000)
    share = found.random.mean(0)
    # what does not fit into the last place is passed over: that takes half of 10 / 40 x 1 / 10 from a pair at most
    assert abs(share[:4].mean() - 0.25) < 0.03
    assert abs(share[4:].mean() - 0.25) < 0.01


def test_ties_are_broken_by_the_seed_and_nothing_else():
    labels, scores = np.zeros(100, dtype=int), np.repeat([0.0, 1.0], 50)
    sets = [choose_removal(scores, labels, np.arange(100), 10, seed=seed) for seed in range(300)]
    for name, here, elsewhere in (("most", slice(50, 100), slice(0, 50)), ("least", slice(0, 50), slice(50, 100))):
        share = np.mean([getattr(one, name) for one in sets], axis=0)
        np.testing.assert_array_equal(share[elsewhere], 0)
        np.testing.assert_allclose(share[here], 0.2, atol=0.11)  # 4.5 errors of .023
    again = choose_removal(scores, labels, np.arange(100), 10, seed=7)
    assert again.most.tobytes() == sets[7].most.tobytes()
    assert again.random.tobytes() == sets[7].random.tobytes()


def test_examples_without_a_score_are_neither_most_nor_least():
    scores, labels, units, _ = made()
    scores[[5, 100, 200]] = np.nan
    found = choose_removal(scores, labels, units, 60)
    for chosen in (found.most, found.least):
        assert not chosen[[5, 15, 100, 200]].any()  # 15 is a copy of 5


@pytest.mark.parametrize(
    ("count", "given", "said"),
    [
        (0, {}, "0 examples are to be removed, of 400 with a score; it must be 1 to 200"),
        (201, {}, "201 examples are to be removed"),
        (10, {"sets": 4}, "there are 4 random sets; the comparison needs at least 5"),
    ],
)
def test_what_cannot_be_compared_is_refused(count, given, said):
    scores, labels, units, _ = made()
    with pytest.raises(OptionError, match=said):
        choose_removal(scores, labels, units, count, **given)


def test_where_whole_groups_do_not_make_up_the_number_it_is_said():
    pairs = np.repeat(np.arange(20), 2)
    with pytest.raises(OptionError, match="no whole groups of copies make up 5 of the most memorised"):
        choose_removal(np.arange(40.0), np.zeros(40, dtype=int), pairs, 5)
    assert choose_removal(np.arange(40.0), np.zeros(40, dtype=int), pairs, 6).most.sum() == 6
    labels = np.array([0] * 35 + [1] * 5)
    with pytest.raises(OptionError, match=r"not 5 examples with low scores of the classes .*; take fewer"):
        choose_removal(np.arange(40.0), labels, np.arange(40), 5)  # there are no others of that class


def test_the_least_memorised_are_none_of_the_most_in_a_class_that_is_mostly_memorised():
    labels = np.array([0] * 30 + [1] * 10)
    units = np.arange(40)
    units[36] = 35  # copies, of which one alone would be among the least
    with pytest.raises(OptionError, match="take fewer"):
        choose_removal(np.arange(40.0), labels, units, 6)
    found = choose_removal(np.arange(40.0), labels, units, 5)
    np.testing.assert_array_equal(np.flatnonzero(found.least), [30, 31, 32, 33, 34])
    assert whole(units, found.most)
    assert not (found.most & found.least).any()


def test_the_effect_is_that_of_a_table():
    """t(.975, 4) = 2.776; the means of the sets are .1 to .5, whose standard deviation is sqrt(.025)."""
    random = [np.array([value - 0.02, value, value + 0.02, np.nan]) for value in (0.1, 0.2, 0.3, 0.4, 0.5)]
    found = removal_effect([0.9, 0.7, np.nan], random)
    assert (found.chosen, found.random, found.degrees) == (pytest.approx(0.8), pytest.approx(0.3), 4)
    assert found.difference == pytest.approx(0.5)
    assert found.error == pytest.approx((0.025 * 1.2) ** 0.5)
    assert found.high - found.difference == pytest.approx(2.776 * found.error, rel=1e-3)
    assert found.difference - found.low == pytest.approx(2.776 * found.error, rel=1e-3)
    assert found.clear
    assert not removal_effect([0.5], random).clear
    with pytest.raises(OptionError, match="there are 4 random sets"):
        removal_effect([0.5], random[:4])
    with pytest.raises(OptionError, match="an arm has no models that did not diverge"):
        removal_effect([np.nan], random)


@pytest.mark.parametrize("sets", [5, 10])
@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_a_set_like_the_others_is_called_different_as_often_as_said(sets, shared):
    """Arms with a draw of the set, one that all arms share, and models; 4,000 times, so .05 has an error of .0034."""
    random = np.random.default_rng(sets)
    wrong = 0
    for _ in range(4000):
        arms = random.normal(0, 0.6, (sets + 1, 1)) + random.normal(0, 1, (sets + 1, 20)) + shared * random.normal(0, 5)
        wrong += removal_effect(arms[0], list(arms[1:])).clear
    assert abs(wrong / 4000 - 0.05) < 4.5 * 0.0034
