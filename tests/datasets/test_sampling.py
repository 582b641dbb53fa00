import numpy as np
import pytest

from memscope.datasets import load_dataset
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.sampling import balanced_choice, flip_labels, sample_examples
from memscope.errors import OptionError
from memscope.streams import integers, permutation, stream


def dataset_of(labels: np.ndarray, num_classes: int) -> ImageDataset:
    count = len(labels)
    images = np.arange(count, dtype=np.uint32).view(np.uint8).reshape(count, 2, 2, 1)
    return ImageDataset(
        spec="made",
        train_images=images,
        train_labels=labels.astype(np.int64),
        test_images=images[:3],
        test_labels=np.zeros(3, dtype=np.int64),
        class_names=tuple("abcdefghij"[:num_classes]),
        train_index=np.arange(count) + 100,
        test_index=np.arange(3),
        train_names=tuple(f"n{position}" for position in range(count)),
    )


def test_a_sample_is_balanced_to_within_one_and_keeps_source_order_and_identity():
    whole = dataset_of(np.random.default_rng(0).integers(0, 3, 300), 3)
    part = sample_examples(whole, 50, data_seed=1)
    counts = np.bincount(part.train_labels, minlength=3)
    assert counts.sum() == 50
    assert counts.max() - counts.min() == 1
    assert (np.diff(part.train_index) > 0).all()
    for position, index in enumerate(part.train_index):
        source = index - 100
        assert part.train_names[position] == f"n{source}"
        assert part.train_labels[position] == whole.train_labels[source]
        assert (part.train_images[position] == whole.train_images[source]).all()
    assert part.test_images is whole.test_images


def test_a_class_with_too_few_gives_all_it_has_and_the_others_share_the_rest():
    labels = np.array([0] * 4 + [1] * 50 + [2] * 50)
    part = sample_examples(dataset_of(labels, 3), 34, data_seed=0)
    assert np.bincount(part.train_labels).tolist() == [4, 15, 15]


def test_a_sample_depends_on_the_data_seed_alone():
    whole = dataset_of(np.arange(100) % 2, 2)
    first, again, other = (sample_examples(whole, 20, seed).train_index for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_over_many_seeds_every_example_is_sampled_equally_often():
    labels = np.arange(30) % 3
    whole = dataset_of(labels, 3)
    often = np.zeros(30)
    for seed in range(400):
        often[sample_examples(whole, 10, seed).train_index - 100] += 1
    assert np.abs(often - 400 / 3).max() < 5 * np.sqrt(400 * (1 / 3) * (2 / 3))


@pytest.mark.parametrize("examples", [-1, 0, 1, 101])
def test_a_sample_that_cannot_be_is_refused_with_the_bounds(examples):
    with pytest.raises(OptionError, match=rf"{examples} examples .* ask for 2 to 100"):
        sample_examples(dataset_of(np.arange(100) % 2, 2), examples, 0)


def test_balanced_choice_takes_rounds_in_the_given_order():
    labels = np.array([0, 0, 1, 1, 1])
    # first round: 4 (class 1) and 1 (class 0); the second begins with 0 (class 0)
    assert balanced_choice(labels, 2, 3, np.array([4, 1, 0, 3, 2])).tolist() == [0, 1, 4]


@pytest.mark.parametrize(("fraction", "flips"), [(0.1, 100), (0.0333, 33), (0.9, 900)])
def test_exactly_the_fraction_is_flipped_to_another_class_and_the_truth_is_kept(fraction, flips):
    whole = dataset_of(np.arange(1000) % 10, 10)
    noisy = flip_labels(whole, fraction, data_seed=3)
    assert (noisy.true_labels == np.arange(1000) % 10).all()
    assert (noisy.train_labels != noisy.true_labels).sum() == flips
    assert noisy.train_labels.min() >= 0
    assert noisy.train_labels.max() <= 9
    assert noisy.fingerprint != whole.fingerprint
    assert (whole.train_labels == np.arange(1000) % 10).all()


def test_flips_go_to_every_other_class_equally_often():
    whole = dataset_of(np.zeros(20_000, dtype=int), 5)
    noisy = flip_labels(whole, 0.5, data_seed=0)
    counts = np.bincount(noisy.train_labels, minlength=5)[1:]
    assert counts.sum() == 10_000
    assert np.abs(counts - 2500).max() < 4 * np.sqrt(10_000 * 0.25 * 0.75)


def test_flips_are_spread_evenly_over_the_examples():
    flipped = flip_labels(dataset_of(np.zeros(20_000, dtype=int), 2), 0.25, 0).train_labels == 1
    assert np.abs(flipped.reshape(10, 2000).sum(axis=1) - 500).max() < 4 * np.sqrt(2000 * 0.25 * 0.75)


def test_flips_follow_the_data_seed():
    whole = dataset_of(np.arange(100) % 10, 10)
    first, again, other = (flip_labels(whole, 0.3, seed).train_labels for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_no_noise_leaves_no_true_labels():
    assert flip_labels(dataset_of(np.arange(10) % 2, 2), 0.0, 0).true_labels is None


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 1.5, float("nan")])
def test_a_noise_outside_zero_to_one_is_refused(fraction):
    with pytest.raises(OptionError, match="fraction from 0 to below 1"):
        flip_labels(dataset_of(np.arange(10) % 2, 2), fraction, 0)


def test_flips_never_empty_a_class_and_only_a_draw_that_would_changes():
    rare = dataset_of(np.array([0, 1] * 30 + [2]), 3)
    changed = 0
    for seed in range(60):
        flipped = flip_labels(rare, 0.05, seed)
        assert np.bincount(flipped.train_labels, minlength=3).all()
        assert (flipped.train_labels != rare.train_labels).sum() == round(0.05 * 61)
        # the first draw, as it was made before there was a second
        source = stream("flips", seed)
        chosen = permutation(source, 61)[:3]
        steps = 1 + integers(source, 2, 3)
        first = rare.train_labels.copy()
        first[chosen] = (first[chosen] + steps) % 3
        if np.bincount(first, minlength=3).all():
            assert (first == flipped.train_labels).all()
        else:
            changed += 1
    assert changed > 0


def test_noise_that_nearly_always_empties_a_class_is_told_in_one_line():
    with pytest.raises(OptionError, match="left a class of made without training examples; use less"):
        flip_labels(dataset_of(np.arange(2), 2), 0.5, 0)


def test_by_the_first_rules_a_draw_is_taken_whatever_it_leaves(tmp_path):
    """Runs of before were made with it: their labels must be found again."""
    labels = np.array([0, 1] * 30 + [2])
    arrays = {"train_images": np.arange(61, dtype=np.uint8)[:, None, None] * np.ones((1, 3, 3), np.uint8)}
    np.savez(
        tmp_path / "rare.npz", **arrays, train_labels=labels,
        test_images=arrays["train_images"][-3:], test_labels=np.arange(3),
    )  # fmt: skip
    emptied = 0
    for seed in range(40):
        first = load_dataset(f"npz:{tmp_path}/rare.npz", label_noise=0.05, data_seed=seed, reading=1, say=str)
        newest = load_dataset(f"npz:{tmp_path}/rare.npz", label_noise=0.05, data_seed=seed, say=str)
        assert np.bincount(newest.train_labels, minlength=3).all()
        if np.bincount(first.train_labels, minlength=3).all():
            assert (first.train_labels == newest.train_labels).all()
        else:
            emptied += 1
    assert emptied > 0
