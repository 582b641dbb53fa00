"""Which pairs are looked at first, against a search one by one."""

import numpy as np

from memscope.analysis.carriers import carried, carriers, size_shown


def some_pairs(count=400):
    random = np.random.default_rng(0)
    return {
        "pair_size": random.choice([2, 4], count),
        "train_example": random.integers(0, 30, count),
        "chosen_by": random.choice([-1, 1], count) * random.uniform(0.15, 0.9, count),
        "influence": random.normal(0, 1, count),  # by which nothing is ordered
    }


def test_examples_come_by_the_sum_of_what_they_help_and_their_pairs_by_influence_in_the_models_that_chose():
    pairs = some_pairs()
    for size in (2, 4):
        helps: dict[int, list[tuple[float, int]]] = {}
        for place in range(400):
            if pairs["pair_size"][place] == size and pairs["chosen_by"][place] > 0:
                one = (-float(pairs["chosen_by"][place]), place)
                helps.setdefault(int(pairs["train_example"][place]), []).append(one)
        order = sorted(helps, key=lambda one: sum(value for value, _ in helps[one]))
        found = carriers(pairs, size)
        assert [one for one, _ in found] == order
        assert [places.tolist() for _, places in found] == [[place for _, place in sorted(helps[one])] for one in order]
        total = carried(pairs, size, 32)
        assert np.flatnonzero(~np.isnan(total)).tolist() == sorted(helps)
        assert all(np.isclose(total[one], -sum(value for value, _ in helps[one])) for one in helps)


def test_the_largest_size_with_helpful_pairs_is_shown():
    pairs = some_pairs()
    assert size_shown(pairs) == 4
    assert size_shown({**pairs, "chosen_by": np.where(pairs["pair_size"] == 4, -0.5, pairs["chosen_by"])}) == 2
    assert size_shown({**pairs, "chosen_by": -np.abs(pairs["chosen_by"])}) is None
    nothing = {name: values[:0] for name, values in pairs.items()}
    assert size_shown(nothing) is None
    assert carriers(nothing, 4) == []
