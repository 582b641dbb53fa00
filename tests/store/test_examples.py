import h5py
import numpy as np
import pytest

from memscope.datasets import load_dataset
from memscope.datasets.duplicates import find_duplicates
from memscope.errors import RunError
from memscope.store.examples import read_examples, write_examples


@pytest.fixture
def dataset():
    return load_dataset("fashion-mnist-5k", examples=20)


def test_what_is_written_is_read_again(dataset, tmp_path):
    write_examples(tmp_path, dataset, find_duplicates(dataset.train_images, dataset.test_images))
    found = read_examples(tmp_path, dataset.fingerprint)
    assert found.image_shape == (28, 28, 1)
    assert np.array_equal(found.labels, dataset.train_labels)
    assert found.class_names == tuple(dataset.class_names)
    assert found.channel_mean == pytest.approx([dataset.train_images.astype(np.float64).mean()])


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ((28, 28, 3), "images of 3 channels have 1 channel means"),
        ((28, 28), "not enough values"),
        ((28, 28, 1, 1), "too many values"),
    ],
)
def test_images_of_another_shape_are_damage(shape, says, dataset, tmp_path):
    write_examples(tmp_path, dataset, find_duplicates(dataset.train_images, dataset.test_images))
    with h5py.File(tmp_path / "examples.h5", "r+") as file:
        file["examples"].attrs["image_shape"] = shape
        del file.attrs["sealed"]  # as files from before seals
    with pytest.raises(RunError, match=says) as caught:
        read_examples(tmp_path, dataset.fingerprint)
    assert "examples.h5" in str(caught.value)
    assert "\n" not in str(caught.value)
