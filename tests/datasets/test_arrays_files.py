"""npz: and hdf5: files."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from memscope.datasets import load_dataset
from memscope.errors import DataError
from tests.datasets.damage import expect_data_or_refusals


def good(count: int = 12) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "train_images": rng.integers(0, 256, (count, 5, 4, 3), dtype=np.uint8),
        "train_labels": np.arange(count) % 3,
        "test_images": rng.integers(0, 256, (4, 5, 4, 3), dtype=np.uint8),
        "test_labels": np.array([2, 1, 0, 0], dtype=np.uint8),
    }


def write(form: str, directory: Path, arrays: dict) -> str:
    path = directory / f"set.{form}"
    if form == "npz":
        np.savez_compressed(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                array = np.asarray(array)
                file[name] = array.tolist() if array.dtype.kind == "U" else array
    return f"{form}:{path}"


both = pytest.mark.parametrize("form", ["npz", "hdf5"])


@both
def test_arrays_come_back_as_written(form, tmp_path):
    arrays = good()
    dataset = load_dataset(write(form, tmp_path, arrays))
    assert (dataset.train_images == arrays["train_images"]).all()
    assert (dataset.test_images == arrays["test_images"]).all()
    assert dataset.train_images.dtype == np.uint8
    assert dataset.train_labels.dtype == np.int64
    assert dataset.test_labels.tolist() == [2, 1, 0, 0]
    assert dataset.test_labels.dtype == np.int64
    assert dataset.class_names == ("0", "1", "2")
    assert dataset.train_index.tolist() == list(range(12))
    assert dataset.train_names is None
    assert dataset.true_labels is None


@both
def test_class_names_and_source_positions_are_kept_and_grey_gains_a_channel(form, tmp_path):
    arrays = good()
    arrays["train_images"], arrays["test_images"] = arrays["train_images"][..., 0], arrays["test_images"][..., 0]
    arrays["class_names"] = np.array(["cat", "dög", "eel"])
    arrays["train_index"] = np.arange(12) * 7
    dataset = load_dataset(write(form, tmp_path, arrays))
    assert dataset.image_shape == (5, 4, 1)
    assert dataset.class_names == ("cat", "dög", "eel")
    assert dataset.train_index.tolist() == [position * 7 for position in range(12)]


def changed(**changes) -> dict:
    return {**good(), **changes}


@both
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({key: value for key, value in good().items() if key != "test_labels"}, "add test_labels"),
        (changed(train_images=np.zeros((12, 5, 4, 2), np.uint8)), r"uint8 \[12, 5, 4, 2\].*C 1 or 3"),
        (changed(train_images=np.zeros((12, 5, 4, 3))), "found float64.*expected uint8.*scale the values"),
        (changed(test_images=np.zeros((4, 6, 4, 3), np.uint8)), "5 x 4 x 3 and test images 6 x 4 x 3.*resize"),
        (changed(test_images=np.zeros((0, 5, 4, 3), np.uint8), test_labels=np.zeros(0, int)), "no images"),
        (changed(train_labels=np.arange(11) % 3), r"found int64 \[11\], expected integers \[12\]"),
        (changed(train_labels=np.zeros((12, 2, 2))), r"found float64 \[12, 2, 2\], expected integers"),
        (changed(train_labels=np.arange(12) % 3 - 1), "found label -1.*from 0.*renumber"),
        (changed(train_labels=np.zeros(12, int), test_labels=np.zeros(4, int)), "found 1 class.*at least 2"),
        (changed(test_labels=np.array([0, 1, 2, 3])), "found label 3, expected 0 to 2 for 3 classes"),
        (
            changed(train_labels=np.arange(12) % 2 * 2, class_names=np.array(["a", "b", "c"])),
            "no training example of class 'b'",
        ),
        (changed(train_labels=np.arange(12) * 10**9), "found label 11000000000, expected at most 65535"),
        (changed(class_names=np.array(["a", "b"])), "found label 2, expected 0 to 1 for 2 classes"),
        (changed(class_names=np.array(["a", "b", "b"])), "class name 'b' twice"),
        (changed(class_names=np.arange(3)), "class_names: found int64.*expected text"),
        (changed(train_index=np.zeros(12, int)), "train_index.*different whole numbers"),
    ],
)
def test_wrong_arrays_are_refused_in_one_line_with_what_to_do(form, arrays, message, tmp_path):
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(write(form, tmp_path, arrays))
    assert "\n" not in str(caught.value)
    assert f"set.{form}" in str(caught.value)


@both
def test_a_missing_file_is_named(form, tmp_path):
    with pytest.raises(DataError, match=r"none\.x: found nothing, expected a file"):
        load_dataset(f"{form}:{tmp_path}/none.x")


@both
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.95])
def test_a_truncated_file_is_named(form, keep, tmp_path):
    spec = write(form, tmp_path, good(300))
    path = Path(spec.partition(":")[2])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(DataError, match=rf"set\.{form}: .*(get|save)") as caught:
        load_dataset(spec)
    assert "\n" not in str(caught.value)


@both
def test_any_damage_ends_in_a_memscope_error_or_in_data(form, tmp_path):
    spec = write(form, tmp_path, good())
    path = Path(spec.partition(":")[2])
    expect_data_or_refusals(spec, path, np.arange(path.stat().st_size), bytes_changed=4, times=150)


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_an_object_array_in_an_npz_is_refused_and_never_unpickled(tmp_path):
    arrays = changed(class_names=np.array([Runs(tmp_path / "ran"), None, None], dtype=object))
    with pytest.raises(DataError, match=r"class_names holds Python objects.*refused"):
        load_dataset(write("npz", tmp_path, arrays))
    assert not (tmp_path / "ran").exists()
    assert pickle.dumps(Runs(tmp_path))  # the trap itself is a pickle that would go off


def test_a_header_that_promises_more_than_the_archive_holds_is_refused_before_allocating(tmp_path):
    path = tmp_path / "bomb.npz"
    arrays = good()
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            data = buffer.getvalue()
            if name == "train_images":
                start = io.BytesIO()
                header = {"descr": "|u1", "fortran_order": False, "shape": (10**9, 1000, 1000, 3)}
                np.lib.format.write_array_header_1_0(start, header)
                data = start.getvalue()
            archive.writestr(f"{name}.npy", data)
    with pytest.raises(DataError, match=r"bomb\.npz: train_images claims 3,000,000,000,000,000 bytes"):
        load_dataset(f"npz:{path}")


def test_an_hdf5_dataset_that_was_declared_but_not_written_is_refused_before_allocating(tmp_path):
    path = tmp_path / "bomb.hdf5"
    with h5py.File(path, "w") as file:
        for name, array in good().items():
            if name == "train_images":
                file.create_dataset(name, (10**9, 1000, 1000, 3), np.uint8, chunks=(1, 100, 100, 3))
            else:
                file[name] = array
    with pytest.raises(DataError, match=r"train_images claims 3,000,000,000,000,000 bytes"):
        load_dataset(f"hdf5:{path}")


@pytest.mark.parametrize("kind", ["external link", "external storage", "virtual", "group", "object"])
def test_an_hdf5_file_reaches_nothing_outside_itself(kind, tmp_path):
    arrays = good()
    images = arrays.pop("train_images")
    (tmp_path / "raw").write_bytes(images.tobytes())
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["train_images"] = images
    path = tmp_path / "set.hdf5"
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
        if kind == "external link":
            file["train_images"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "train_images")
        elif kind == "external storage":
            size = images.nbytes
            file.create_dataset("train_images", images.shape, np.uint8, external=[(str(tmp_path / "raw"), 0, size)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout(images.shape, np.uint8)
            layout[...] = h5py.VirtualSource(str(tmp_path / "other.h5"), "train_images", images.shape)
            file.create_virtual_dataset("train_images", layout)
        elif kind == "group":
            file.create_group("train_images")
        else:
            file.create_dataset("train_images", (12,), h5py.vlen_dtype(np.uint8))
    with pytest.raises(
        DataError, match=r"add train_images" if kind == "group" else r"set\.hdf5: train_images"
    ) as caught:
        load_dataset(f"hdf5:{path}")
    assert "hostile" not in str(caught.value)  # honest files have all of these
