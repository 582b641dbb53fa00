"""Test sets made of a share of each class: by the pixels, so that copies stay together and nothing else moves."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from memscope.datasets import load_dataset
from memscope.datasets.held_out import hold_out_test_set, pixel_ranks
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import DataError, OptionError

RANDOM = np.random.default_rng(0)


def without_test(images: np.ndarray, labels: np.ndarray) -> ImageDataset:
    return ImageDataset(
        spec="made",
        train_images=images,
        train_labels=labels,
        test_images=images[:0],
        test_labels=labels[:0],
        class_names=tuple("abcdefgh"[: int(labels.max()) + 1]),
        train_index=np.arange(len(labels)),
        test_index=np.arange(0),
        train_names=tuple(f"n{one}" for one in range(len(labels))),
    )


def pictures(count: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)


def test_the_rank_is_the_first_53_bits_of_the_hash_of_seed_shape_and_pixels():
    image = pictures(1)
    digest = hashlib.sha256(b"memscope-test-set-1:7:(4, 4, 3):" + image.tobytes()).hexdigest()
    assert pixel_ranks(image, 7)[0] == pytest.approx(int(digest, 16) / 2**256, abs=2**-50)


def test_a_share_of_each_class_is_held_out_and_everything_keeps_its_identity():
    whole = without_test(pictures(3000), np.arange(3000) % 3)
    split = hold_out_test_set(whole, 0.2, seed=0)
    assert split.test_share == 0.2
    assert sorted([*split.train_index, *split.test_index]) == list(range(3000))
    for label in range(3):
        assert (split.test_labels == label).sum() == pytest.approx(200, abs=4 * np.sqrt(1000 * 0.2 * 0.8))
    for images, labels, index, names in (
        (split.train_images, split.train_labels, split.train_index, split.train_names),
        (split.test_images, split.test_labels, split.test_index, split.test_names),
    ):
        assert (images == whole.train_images[index]).all()
        assert (labels == whole.train_labels[index]).all()
        assert names == tuple(f"n{one}" for one in index)


def test_identical_images_stay_together_whatever_their_labels():
    images = pictures(200)
    labels = np.concatenate([np.arange(200) % 2, np.arange(200) % 2, 1 - np.arange(200) % 2])
    split = hold_out_test_set(without_test(np.concatenate([images] * 3), labels), 0.3, seed=1)
    tested = np.isin(np.arange(600), split.test_index).reshape(3, 200)
    assert (tested == tested[0]).all()
    assert 30 < tested[0].sum() < 90


def test_a_deleted_image_moves_no_other():
    whole = without_test(pictures(100), np.arange(100) % 2)
    names = set(hold_out_test_set(whole, 0.2, seed=0).test_names or ())
    for deleted in range(100):
        kept = np.delete(np.arange(100), deleted)
        fewer = replace(
            without_test(whole.train_images[kept], whole.train_labels[kept]),
            train_names=tuple(f"n{one}" for one in kept),
        )
        assert set(hold_out_test_set(fewer, 0.2, seed=0).test_names or ()) == names - {f"n{deleted}"}


def test_the_seed_decides_and_nothing_else():
    whole = without_test(pictures(60), np.arange(60) % 2)
    order = np.random.default_rng(1).permutation(60)
    shuffled = replace(
        without_test(whole.train_images[order], whole.train_labels[order]),
        train_names=tuple(f"n{one}" for one in order),
    )
    first, again, other = (
        set(hold_out_test_set(one, 0.2, seed).test_names or ()) for one, seed in ((whole, 0), (shuffled, 0), (whole, 1))
    )
    assert first == again
    assert first != other


def test_a_grey_picture_moves_not_when_a_coloured_one_makes_all_of_them_three_channels():
    grey = RANDOM.integers(0, 256, (40, 4, 4, 1), dtype=np.uint8)
    assert (pixel_ranks(grey, 0) == pixel_ranks(np.repeat(grey, 3, axis=3), 0)).all()


def test_a_class_has_one_example_at_least_on_each_side():
    for _ in range(50):
        split = hold_out_test_set(without_test(pictures(6), np.arange(6) // 2), 0.2, seed=0)
        assert set(split.train_labels) == set(split.test_labels) == {0, 1, 2}


def test_a_class_of_copies_of_one_image_is_told_in_one_line():
    images = pictures(22)
    images[20:] = images[20]
    labels = np.array([0] * 10 + [1] * 10 + [2] * 2)
    with pytest.raises(DataError, match=r"none can be made of it: class 'c' has 2 images, all of them copies, and"):
        hold_out_test_set(without_test(images, labels), 0.2, seed=0)
    with pytest.raises(DataError, match=r"none can be made of it: class 'c' has 1 image, and needs one for training"):
        hold_out_test_set(without_test(images[:21], labels[:21]), 0.2, seed=0)


def test_shares_that_cannot_be():
    for share in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(OptionError, match="between 0 and 1"):
            hold_out_test_set(without_test(pictures(4), np.arange(4) % 2), share, seed=0)


def test_a_source_with_a_test_set_takes_no_share():
    with pytest.raises(OptionError, match="has a test set of its own; leave the test share out"):
        load_dataset("fashion-mnist-5k", test_share=0.1)
