import numpy as np

from memscope.page.shown import shown_of


def test_all_are_shown_up_to_a_limit():
    found = shown_of(100, {"x": np.arange(100.0)}, most=100, each=5)
    assert found.positions.tolist() == list(range(100))
    assert (found.sampled, found.drawn, found.extremes) == (False, 100, ())


def test_above_it_all_extremes_are_shown_and_a_sample_of_the_others():
    random = np.random.default_rng(0)
    score, change = random.normal(size=(2, 10_000))
    change[::2] = np.nan
    found = shown_of(10_000, {"score": score, "change": change}, most=500, each=50)
    assert found.sampled
    assert len(found.positions) == len(set(found.positions.tolist())) == 500
    assert (np.diff(found.positions) > 0).all()
    highest = {*np.argsort(-score)[:50].tolist(), *np.argsort(-np.nan_to_num(change, nan=-9))[:50].tolist()}
    assert highest <= set(found.positions.tolist())
    assert found.drawn == 500 - len(highest)
    others = np.array(sorted(set(found.positions.tolist()) - highest))
    # uniform: a third of them in each third of the run
    assert np.allclose(np.histogram(others, 3, (0, 10_000))[0] / len(others), 1 / 3, atol=0.08)


def test_the_sample_is_always_the_same_and_few_extremes_are_enough():
    score = np.full(1000, np.nan)
    score[[3, 5]] = 1.0
    one, two = (shown_of(1000, {"score": score}, most=20, each=10) for _ in range(2))
    assert np.array_equal(one.positions, two.positions)
    assert {3, 5} <= set(one.positions.tolist())
    assert one.drawn == 18
    bare = shown_of(1000, {}, most=20)
    assert (bare.sampled, bare.drawn, bare.extremes) == (True, 20, ())
