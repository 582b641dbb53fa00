import gzip
from pathlib import Path

import numpy as np
import pytest

from memscope.datasets import load_dataset
from memscope.datasets.idx import read_idx
from memscope.errors import DataError

NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def idx_bytes(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def parts(labels=(0, 1, 2, 0, 1, 2), test_labels=(2, 0)) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    return {
        "train": (rng.integers(0, 256, (len(labels), 4, 5)), np.array(labels)),
        "test": (rng.integers(0, 256, (len(test_labels), 4, 5)), np.array(test_labels)),
    }


def write(directory: Path, content: dict, zipped: bool = False, names: dict = NAMES) -> None:
    for part, arrays in content.items():
        for name, array in zip(names[part], arrays, strict=True):
            data = idx_bytes(array)
            (directory / (name + ".gz" * zipped)).write_bytes(gzip.compress(data) if zipped else data)


@pytest.mark.parametrize("zipped", [False, True])
def test_the_four_files_are_read_gzipped_or_not(zipped, tmp_path):
    content = parts()
    write(tmp_path, content, zipped)
    dataset = load_dataset(f"idx:{tmp_path}")
    assert (dataset.train_images[..., 0] == content["train"][0]).all()
    assert (dataset.test_images[..., 0] == content["test"][0]).all()
    assert dataset.image_shape == (4, 5, 1)
    assert dataset.train_labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert dataset.test_labels.tolist() == [2, 0]
    assert dataset.class_names == ("0", "1", "2")


def emnist_names(split: str) -> dict:
    return {
        part: tuple(f"emnist-{split}-{part}-{kind}" for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"))
        for part in ("train", "test")
    }


def test_emnist_is_turned_and_its_letters_keep_their_numbers_as_names(tmp_path):
    content = parts((1, 2, 26, 1), (26, 2))
    write(tmp_path, content, True, emnist_names("letters"))
    dataset = load_dataset(f"idx:{tmp_path}")
    assert dataset.image_shape == (5, 4, 1)
    assert (dataset.train_images[1, :, :, 0] == content["train"][0][1].T).all()
    assert dataset.class_names == ("1", "2", "26")
    assert dataset.train_labels.tolist() == [0, 1, 2, 0]
    assert dataset.test_labels.tolist() == [2, 1]


def test_two_emnist_splits_in_one_directory_are_refused(tmp_path):
    write(tmp_path, parts(), names=emnist_names("letters"))
    write(tmp_path, parts(), names=emnist_names("digits"))
    with pytest.raises(DataError, match=r"emnist-digits, emnist-letters, expected one data set; move"):
        load_dataset(f"idx:{tmp_path}")


@pytest.mark.parametrize("name", [name for pair in NAMES.values() for name in pair])
def test_a_missing_file_is_named(name, tmp_path):
    write(tmp_path, parts())
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=rf"found no {name} or {name}\.gz.*put it there"):
        load_dataset(f"idx:{tmp_path}")


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere: found nothing, expected a directory"):
        load_dataset(f"idx:{tmp_path}/nowhere")


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("cut", [0, 3, 10, 40])
def test_a_truncated_file_is_named(zipped, cut, tmp_path):
    write(tmp_path, parts(), zipped)
    path = tmp_path / (NAMES["train"][0] + ".gz" * zipped)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.*get (it|the file) again"):
        load_dataset(f"idx:{tmp_path}")


def test_the_message_says_how_much_is_missing_or_too_much(tmp_path):
    data = idx_bytes(np.zeros((6, 4, 5)))
    path = tmp_path / "x"
    path.write_bytes(data[:-20])
    with pytest.raises(DataError, match="truncated: found 100 bytes of data, expected 120"):
        read_idx(path, 3)
    path.write_bytes(data + b"more")
    with pytest.raises(DataError, match="longer than its header says"):
        read_idx(path, 3)


def test_another_kind_of_file_is_refused_with_what_it_starts_with(tmp_path):
    (tmp_path / "x").write_bytes(b"\x89PNG and more of it")
    with pytest.raises(DataError, match="starts with 89 50 4e 47, expected 00 00 08 03"):
        read_idx(tmp_path / "x", 3)


def test_what_lies_under_the_name_of_an_idx_file_is_named_with_what_to_do(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(gzip.compress(b"twice")))
    with pytest.raises(DataError, match="packed by gzip: unpack it with gunzip"):
        read_idx(path, 3)
    path.write_bytes(gzip.compress(b"<!DOCTYPE html><title>403"))
    with pytest.raises(DataError, match="a web page: the download failed"):
        read_idx(path, 3)
    path.write_bytes(bytes([0, 0, 0x0C, 1, 0, 0, 0, 1, 0, 0, 0, 7]))  # QMNIST's labels are whole numbers of 32 bits
    with pytest.raises(DataError, match="write its values as bytes"):
        read_idx(path, 1)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_header_that_promises_terabytes_is_refused_before_allocating(zipped, tmp_path):
    data = bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in (2**31, 1000, 1000)) + bytes(50)
    path = tmp_path / ("x.gz" if zipped else "x")
    path.write_bytes(gzip.compress(data) if zipped else data)
    expected = (
        "claims 2,147,483,648,000,000 bytes" if zipped else "is truncated: found 50 bytes of data, expected 2,147"
    )
    with pytest.raises(DataError, match=expected):
        read_idx(path, 3)


def test_fewer_labels_than_images_are_refused(tmp_path):
    content = parts()
    content["test"] = (content["test"][0], np.array([1]))
    write(tmp_path, content)
    with pytest.raises(DataError, match=r"test labels: found uint8 \[1\], expected integers \[2\]"):
        load_dataset(f"idx:{tmp_path}")


def test_a_test_class_that_is_not_in_train_is_refused(tmp_path):
    write(tmp_path, parts((0, 1), (5,)))
    with pytest.raises(DataError, match="found label 5, expected 0 to 1"):
        load_dataset(f"idx:{tmp_path}")


STANDARD = [name for pair in NAMES.values() for name in pair]


def assert_read(directory: Path, content: dict) -> None:
    dataset = load_dataset(f"idx:{directory}")
    for part in ("train", "test"):
        assert (getattr(dataset, f"{part}_images")[..., 0] == content[part][0]).all()
        assert getattr(dataset, f"{part}_labels").tolist() == content[part][1].tolist()


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    "named",
    [
        lambda name: name.replace("-idx", ".idx"),
        lambda name: name.upper(),
        lambda name: f"{name}/{name}",
        lambda name: f"{name}/{name.replace('-idx', '.idx')}",
        lambda name: f"raw/{name}",
        lambda name: f"MNIST/raw/{name}",
        lambda name: f"FashionMNIST/raw/{name}",
        lambda name: f"archive/{name}/{name.replace('-idx', '.idx')}",
        lambda name: name.removesuffix("-ubyte"),
        lambda name: name.replace("t10k", "test"),
    ],
)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_the_names_that_others_give_are_known_packed_or_not(ending, named, zipped, tmp_path):
    """Whether a file is gzipped is seen in its first bytes, not in its name."""
    content = parts()
    for name, array in zip(STANDARD, [*content["train"], *content["test"]], strict=True):
        path = tmp_path / f"{named(name)}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array))
    assert_read(tmp_path, content)


def test_the_official_file_is_taken_where_there_are_several(tmp_path):
    """As before other names were known."""
    other, content = parts((2, 1, 0, 2, 1, 0)), parts()
    for name, array in zip(STANDARD, [*other["train"], *other["test"]], strict=True):
        for path in (tmp_path / f"{name}.gz", tmp_path / name.replace("-idx3", "-IDX3"), tmp_path / "raw" / name):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(gzip.compress(idx_bytes(array)))
    write(tmp_path, content)
    assert_read(tmp_path, content)


def test_two_data_sets_in_one_folder_are_named(tmp_path):
    for name in ("MNIST", "FashionMNIST"):
        (tmp_path / name / "raw").mkdir(parents=True)
        write(tmp_path / name / "raw", parts())
    with pytest.raises(DataError, match="in FashionMNIST/raw and MNIST/raw, expected one data set; name the folder"):
        load_dataset(f"idx:{tmp_path}")


def test_without_test_files_a_test_set_is_held_out(tmp_path):
    content = parts([0, 1] * 20)
    write(tmp_path, {"train": content["train"]})
    said: list[str] = []
    dataset = load_dataset(f"idx:{tmp_path}", say=said.append)
    assert len(dataset.train_labels) + len(dataset.test_labels) == 40
    assert "has no test set" in said[0]


def test_labels_that_leave_numbers_out_are_renumbered(tmp_path):
    write(tmp_path, parts((0, 3, 7, 0), (7, 3)))
    said: list[str] = []
    dataset = load_dataset(f"idx:{tmp_path}", say=said.append)
    assert dataset.class_names == ("0", "3", "7")
    assert dataset.train_labels.tolist() == [0, 1, 2, 0]
    assert dataset.test_labels.tolist() == [2, 1]
    assert "3 labels go from 0 to 7" in said[0]
