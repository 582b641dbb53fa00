"""Few models, missing models, unknown probabilities, few examples, data without any variance."""

import numpy as np
import pytest

from memscope.analysis.population.estimate import models_per_block, population, population_from_sums
from memscope.analysis.population.sums import population_sums
from memscope.analysis.trajectories import TYPES
from memscope.plan.subsets import balanced_subsets

SIZES, MODELS, EXAMPLES = 4, 40, 200


def check(found, examples=EXAMPLES, sizes=SIZES):
    """What always holds."""
    for values in (found.score, found.score_sd, found.accuracy_in, found.accuracy_out):
        assert values.shape == (sizes, examples)
        assert np.isnan(values).sum(axis=1).tolist() == found.undefined.tolist()
    defined = ~np.isnan(found.score)
    assert found.score[defined] == pytest.approx((found.accuracy_in - found.accuracy_out)[defined])
    assert np.abs(found.score[defined]).max(initial=0) <= 1
    assert (found.score_sd[defined] > 0).all()
    typed = found.called != "undefined"
    assert typed.tolist() == (defined.all(axis=0) & (sizes > 1)).tolist()
    assert found.type_probabilities[typed].sum(axis=1) == pytest.approx(np.ones(typed.sum()))
    assert np.isnan(found.type_probabilities[~typed]).all()
    if typed.any():
        assert found.shares == pytest.approx(found.type_probabilities[typed].mean(axis=0))
    else:
        assert np.isnan(found.shares).all()
    return found


def test_the_same_seed_gives_the_same_and_another_seed_nearly_the_same(outcomes):
    one, again, other = population(*outcomes), population(*outcomes), population(*outcomes, seed=1)
    assert np.array_equal(one.type_probabilities, again.type_probabilities)
    assert np.array_equal(one.score, other.score)  # all examples are fitted to: nothing is drawn for scores
    assert not np.array_equal(one.type_probabilities, other.type_probabilities)
    assert one.type_probabilities == pytest.approx(other.type_probabilities, abs=0.25)
    assert one.shares == pytest.approx(other.shares, abs=0.03)


def test_the_order_of_the_examples_does_not_matter(outcomes):
    in_subset, correct, probability = outcomes
    order = np.random.default_rng(3).permutation(EXAMPLES)
    one = population(*outcomes)
    other = population(in_subset[:, order], correct[:, :, order], probability[:, :, order])
    for name in ("score", "score_sd"):
        assert getattr(other, name) == pytest.approx(getattr(one, name)[:, order], abs=1e-9)
    assert other.type_probabilities == pytest.approx(one.type_probabilities[order], abs=1e-9)
    assert other.shares_sd == pytest.approx(one.shares_sd, abs=1e-9)


def test_accuracies_and_types_say_the_same_as_the_score(outcomes):
    found = check(population(*outcomes))
    in_subset, correct, _ = outcomes
    inside = (correct & in_subset).sum(axis=1) / in_subset.sum(axis=0)
    assert np.corrcoef(found.accuracy_in.ravel(), inside.ravel())[0, 1] > 0.9
    assert found.accuracy_in.mean() == pytest.approx(inside.mean(), abs=0.01)
    best = found.type_probabilities.argmax(axis=1)
    sure = found.type_probabilities.max(axis=1) >= 0.8
    assert found.called.tolist() == [TYPES[b] if s else "undetermined" for b, s in zip(best, sure, strict=True)]
    assert (population(*outcomes, confidence=0.5).called != "undetermined").sum() > sure.sum()


@pytest.mark.parametrize("models", [1, 2, 3, 5, 10])
def test_few_models(outcomes, models):
    in_subset, correct, probability = (values[..., :models, :] for values in outcomes)
    found = check(population(in_subset, correct, probability))
    sided = in_subset.any(axis=0) & ~in_subset.all(axis=0)
    assert (~np.isnan(found.score)).all(axis=0).tolist() == sided.tolist()


@pytest.mark.parametrize("examples", [1, 2, 3, 10, 41])
def test_few_examples(outcomes, examples):
    check(population(*(values[..., :examples] for values in outcomes)), examples)


def test_a_single_example_has_its_raw_score_and_standard_error():
    random = np.random.default_rng(0)
    in_subset = np.arange(400)[:, np.newaxis] % 10 < 7
    correct = random.random((1, 400, 1)) < np.where(in_subset, 0.8, 0.4)
    found = population(in_subset, correct)
    inside, outside = correct[0][in_subset].mean(), correct[0][~in_subset].mean()
    assert found.score[0, 0] == pytest.approx(inside - outside)
    expected = np.sqrt(inside * (1 - inside) / 280 + outside * (1 - outside) / 120)
    assert found.score_sd[0, 0] == pytest.approx(expected, rel=0.3)


def test_one_size_has_scores_and_no_types(outcomes):
    in_subset, correct, probability = outcomes
    found = check(population(in_subset, correct[:1], probability[:1]), sizes=1)
    assert found.undefined.tolist() == [0]
    assert np.isnan(found.shares_sd).all()


def test_one_block_of_models_has_shares_without_errors(outcomes):
    sums = population_sums(SIZES, EXAMPLES)
    in_subset, correct, probability = outcomes
    for size in range(SIZES):
        sums.add(size, range(10), in_subset[:10], correct[size][:10], probability[size][:10])
    found = check(population_from_sums(sums))
    assert np.isnan(found.shares_sd).all()
    assert found.shares.sum() == pytest.approx(1)


def test_examples_without_a_model_on_one_side_are_undefined_and_counted(outcomes):
    in_subset = outcomes[0].copy()
    in_subset[:, :5], in_subset[:, 5:7] = True, False
    found = check(population(in_subset, *outcomes[1:]))
    assert found.undefined.tolist() == [7] * SIZES
    assert (found.called[:7] == "undefined").all()
    whole = population(*outcomes)
    assert found.score[:, 7:] == pytest.approx(whole.score[:, 7:], abs=0.12)


def test_a_size_with_few_models_borrows_from_the_others(outcomes):
    in_subset, correct, probability = outcomes
    sums = population_sums(SIZES, EXAMPLES)
    for size in range(SIZES):
        rows = list(range(10)) if size == 1 else list(range(MODELS))
        sums.add(size, rows, in_subset[rows], correct[size][rows], probability[size][rows], [r // 10 for r in rows])
    found, whole = check(population_from_sums(sums)), population(*outcomes)
    alone = population(in_subset[:10], correct[1:2, :10], probability[1:2, :10])
    gap, gap_alone = (np.abs(values - whole.score[1]).mean() for values in (found.score[1], alone.score[0]))
    assert gap < 0.92 * gap_alone
    assert found.score_sd[1].mean() > whole.score_sd[1].mean()


def test_a_size_without_models_is_undefined_and_the_others_are_not(outcomes):
    in_subset, correct, probability = outcomes
    sums = population_sums(SIZES, EXAMPLES)
    for size in (0, 2, 3):
        sums.add(size, range(MODELS), in_subset, correct[size], probability[size])
    found = check(population_from_sums(sums))
    assert found.undefined.tolist() == [0, EXAMPLES, 0, 0]
    without = population(in_subset, correct[[0, 2, 3]], probability[[0, 2, 3]])
    assert found.score[[0, 2, 3]] == pytest.approx(without.score, abs=0.02)


def test_no_models_at_all():
    found = check(population_from_sums(population_sums(3, 20)), 20, 3)
    assert found.prior is None
    assert found.undefined.tolist() == [20, 20, 20]


def test_probabilities_that_are_not_known_are_left_out_and_counted(outcomes):
    in_subset, correct, probability = outcomes
    counts = check(population(in_subset, correct))
    assert counts.without_probability.tolist() == [EXAMPLES] * SIZES
    unknown = np.full_like(probability, np.nan)
    assert np.array_equal(population(in_subset, correct, unknown).score, counts.score)
    at_a_size = probability.copy()
    at_a_size[2] = np.nan
    found = check(population(in_subset, correct, at_a_size))
    assert found.without_probability.tolist() == [0, 0, EXAMPLES, 0]
    whole = population(*outcomes)
    assert whole.score_sd[0].mean() <= found.score_sd[0].mean() < counts.score_sd[0].mean()
    at_some = probability.copy()
    at_some[1, :, :20] = np.nan
    found = check(population(in_subset, correct, at_some))
    assert found.without_probability.tolist() == [0, 20, 0, 0]
    assert found.score_sd[1, :20].mean() > 1.02 * whole.score_sd[1, :20].mean()
    assert found.score[:, 20:] == pytest.approx(whole.score[:, 20:], abs=0.05)


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_outcomes_that_are_all_equal(outcomes, right):
    in_subset, correct, _ = outcomes
    found = check(population(in_subset, np.full(correct.shape, bool(right)), np.full(correct.shape, right)))
    assert found.score == pytest.approx(np.zeros((SIZES, EXAMPLES)), abs=1e-6)
    assert found.accuracy_in == pytest.approx(np.full((SIZES, EXAMPLES), right), abs=1e-6)
    assert (found.called == "constant").all()


def test_models_that_know_their_subset_and_nothing_else(outcomes):
    in_subset, correct, _ = outcomes
    found = check(population(in_subset, np.broadcast_to(in_subset, correct.shape)))
    assert found.score == pytest.approx(np.ones((SIZES, EXAMPLES)), abs=1e-6)


def test_subsets_that_are_not_balanced(outcomes):
    _, correct, probability = outcomes
    in_subset = np.random.default_rng(5).random((MODELS, EXAMPLES)) < 0.7
    assert models_per_block(in_subset) == 1
    found = check(population(in_subset, correct, probability))
    assert (found.shares_sd >= 0).all()


def test_blocks_of_balanced_subsets_are_found(outcomes):
    in_subset = outcomes[0]
    assert models_per_block(in_subset) == 10
    assert models_per_block(in_subset[:25]) == 10
    assert models_per_block(in_subset[:19]) == 1  # one whole block and no second to compare with
    assert models_per_block(in_subset[3:]) == 1
    assert models_per_block(balanced_subsets(100, 24, 0.75, 0)) == 12
