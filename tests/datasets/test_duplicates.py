import numpy as np
import pytest

from memscope.datasets import duplicates
from memscope.datasets.duplicates import find_duplicates


def scenes(count: int, side: int = 32, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Unrelated smooth random images with detail: coarse noise enlarged, plus fine noise; uint8 [N, H, W, C]."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(count, side // 4, side // 4, channels)).repeat(4, 1).repeat(4, 2)
    fine = rng.normal(size=(count, side, side, channels))
    return np.clip(128 + 40 * coarse + 15 * fine, 0, 255).astype(np.uint8)


def noisy(image: np.ndarray, seed: int, gain: float = 0.9, offset: float = 5) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 4, image.shape)
    return np.clip(image * gain + offset + noise, 0, 255).astype(np.uint8)


def test_unrelated_images_are_in_no_group():
    found = find_duplicates(scenes(300), scenes(100, seed=1))
    for groups in (found.train_exact, found.test_exact, found.train_near, found.test_near):
        assert groups.dtype == np.int32
        assert (groups == -1).all()
    assert found.near_searched


def test_equal_images_share_a_group_over_train_and_test():
    train, test = scenes(50), scenes(20, seed=1)
    train[30] = train[4]
    test[7] = train[4]
    test[8] = test[9]
    found = find_duplicates(train, test)
    assert np.flatnonzero(found.train_exact >= 0).tolist() == [4, 30]
    assert np.flatnonzero(found.test_exact >= 0).tolist() == [7, 8, 9]
    assert found.train_exact[[4, 30]].tolist() == [0, 0]
    assert found.test_exact[[7, 8, 9]].tolist() == [0, 1, 1]
    assert (found.train_near == found.train_exact).all()
    assert (found.test_near == found.test_exact).all()


@pytest.mark.parametrize(("side", "channels"), [(32, 3), (28, 1), (64, 3), (8, 1)])
def test_noisy_brighter_copies_are_near_but_not_exact(side, channels):
    train, test = scenes(200, side, channels), scenes(100, side, channels, seed=1)
    train[150] = noisy(train[3], 1)
    test[10] = noisy(train[3], 2)
    test[20] = noisy(train[60], 3, gain=0.8)
    found = find_duplicates(train, test)
    assert (found.train_exact == -1).all()
    assert (found.test_exact == -1).all()
    assert np.flatnonzero(found.train_near >= 0).tolist() == [3, 60, 150]
    assert np.flatnonzero(found.test_near >= 0).tolist() == [10, 20]
    assert found.train_near[[3, 60, 150]].tolist() == [0, 1, 0]
    assert found.test_near[[10, 20]].tolist() == [0, 1]


def test_a_near_group_holds_the_equal_copies_of_its_members():
    train, test = scenes(100), scenes(50, seed=1)
    train[50] = train[7]
    test[5] = noisy(train[7], 1)
    test[6] = test[5]
    found = find_duplicates(train, test)
    assert found.train_exact[[7, 50]].tolist() == [0, 0]
    assert found.test_exact[[5, 6]].tolist() == [1, 1]
    assert found.train_near[[7, 50]].tolist() == [0, 0]
    assert found.test_near[[5, 6]].tolist() == [0, 0]


def test_images_that_share_only_their_outline_are_not_near():
    # as two pairs of trousers: pixels correlate above 0.97, what the outline does not explain is unrelated
    rng = np.random.default_rng(0)
    outline = np.zeros((28, 28, 1))
    outline[4:24, 8:20] = 150
    inside = rng.normal(0, 12, (400, 28, 28, 1)) * (outline > 0)
    images = np.clip(outline + inside, 0, 255).astype(np.uint8)
    flat = images[:2].reshape(2, -1)
    assert np.corrcoef(flat)[0, 1] > 0.97
    found = find_duplicates(images[:300], images[300:])
    assert (found.train_near == -1).all()
    assert (found.test_near == -1).all()


def test_flat_images_are_only_ever_exact_duplicates():
    train = scenes(60)
    train[0], train[1], train[2], train[3] = 10, 200, 10, 11
    found = find_duplicates(train, scenes(10, seed=1))
    assert np.flatnonzero(found.train_near >= 0).tolist() == [0, 2]


def test_groups_of_five_are_found_even_where_a_third_of_the_images_are_in_one():
    train = scenes(300)
    for copy in range(1, 5):
        for original in range(20):
            train[20 * copy + original] = noisy(train[original], 20 * copy + original)
    found = find_duplicates(train, scenes(10, seed=1))
    assert found.train_near[:100].tolist() == list(range(20)) * 5
    assert (found.train_near[100:] == -1).all()


def test_a_set_too_large_is_searched_for_exact_duplicates_only(monkeypatch):
    monkeypatch.setattr(duplicates, "NEAR_SEARCH_LIMIT", 50)
    train = scenes(60)
    train[1], train[2] = train[0], noisy(train[5], 1)
    found = find_duplicates(train, scenes(10, seed=1))
    assert not found.near_searched
    assert np.flatnonzero(found.train_near >= 0).tolist() == [0, 1]


def test_pairs_are_found_across_block_borders(monkeypatch):
    monkeypatch.setattr(duplicates, "ROWS", 16)
    monkeypatch.setattr(duplicates, "COLUMNS", 24)
    vectors = np.random.default_rng(0).normal(size=(101, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = {tuple(pair) for block in duplicates._similar(vectors, 0.8) for pair in block.tolist()}
    cosines = vectors @ vectors.T
    assert found == {(i, j) for i in range(101) for j in range(i + 1, 101) if cosines[i, j] >= 0.8}
    assert len(found) > 50


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_smallest_sets_can_be_searched(count):
    found = find_duplicates(scenes(count), scenes(1, seed=1))
    assert (found.train_near == -1).all()
