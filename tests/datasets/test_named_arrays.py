"""npz: and hdf5: files under other people's names, with other people's types: what is plain is read as it was meant."""

import gzip
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from memscope.datasets import ImageDataset, load_dataset
from memscope.errors import DataError
from tests.datasets.test_arrays_files import both, write

RNG = np.random.default_rng(0)
X, X_TEST = (RNG.integers(0, 256, (count, 6, 5), dtype=np.uint8) for count in (30, 12))
Y, Y_TEST = np.arange(30) % 3, np.arange(12)[::-1] % 3
COLOURED = RNG.integers(0, 256, (30, 6, 5, 3), dtype=np.uint8)


def read(form: str, directory: Path, **arrays: np.ndarray) -> tuple[ImageDataset, str]:
    """The data set of a file with these arrays, and what was said of it."""
    said: list[str] = []
    return load_dataset(write(form, directory, arrays), say=said.append), "\n".join(said)


def refusal(form: str, directory: Path, **arrays: np.ndarray) -> str:
    with pytest.raises(DataError) as caught:
        read(form, directory, **arrays)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def in_order(dataset: ImageDataset) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of both parts in the order of their source, which `train_index` and `test_index` keep."""
    order = np.argsort(np.concatenate([dataset.train_index, dataset.test_index]))
    images = np.concatenate([dataset.train_images, dataset.test_images])
    return images[order], np.concatenate([dataset.train_labels, dataset.test_labels])[order]


@both
@pytest.mark.parametrize(
    "names",
    [
        "x_train y_train x_test y_test",  # Keras
        "X_train Y_train X_test Y_test",
        "train_x train_y test_x test_y",
        "xTrain yTrain xTest yTest",
        "trainX trainY testX testY",
        "TRAIN-IMAGES TRAIN-LABELS TEST-IMAGES TEST-LABELS",
        "train_data train_targets test_data test_targets",
        "images_train labels_train images_test labels_test",
        "train_set_x train_set_y test_set_x test_set_y",
        "train/images train/labels test/images test/labels",
        "images/train labels/train images/test labels/test",
        "mnist/x_train mnist/y_train mnist/x_test mnist/y_test",
        "x y x_test y_test",
        "Xtr Ytr Xte Yte",
        "tr_x tr_y ts_x ts_y",
        "train_dataset train_labels test_dataset test_labels",  # notMNIST
    ],
)
def test_the_names_that_others_give_are_known(form, names, tmp_path):
    dataset, said = read(form, tmp_path, **dict(zip(names.split(), (X, Y, X_TEST, Y_TEST), strict=True)))
    assert (dataset.train_images[..., 0] == X).all()
    assert (dataset.test_images[..., 0] == X_TEST).all()
    assert (dataset.train_labels == Y).all()
    assert (dataset.test_labels == Y_TEST).all()
    assert not said


@both
@pytest.mark.parametrize("names", ["images labels", "data target", "X y", "data targets", "train_images train_labels"])
def test_arrays_without_test_arrays_have_a_test_set_held_out(form, names, tmp_path):
    dataset, said = read(form, tmp_path, **dict(zip(names.split(), (X, Y), strict=True)))
    images, labels = in_order(dataset)
    assert (images[..., 0] == X).all()
    assert (labels == Y).all()
    assert dataset.test_share == 0.2
    assert "has no test set" in said


@both
def test_medmnist_is_read_and_its_validation_set_left_out(form, tmp_path):
    arrays = {"train_images": X, "train_labels": Y[:, None].astype(np.uint8)}
    arrays |= {"val_images": X[:9], "val_labels": Y[:9, None]}
    dataset, said = read(form, tmp_path, **arrays, test_images=X_TEST, test_labels=Y_TEST[:, None])
    assert (dataset.test_images[..., 0] == X_TEST).all()
    assert dataset.train_labels.tolist() == Y.tolist()
    assert "val_images and val_labels are left out" in said
    dataset, said = read(form, tmp_path, **arrays)
    assert (dataset.test_images[..., 0] == X[:9]).all()
    assert "no test arrays, val_images and val_labels are taken as the test set" in said


@both
def test_the_digits_of_scikit_learn_are_read_from_their_images(form, tmp_path):
    digits = (X % 17).astype(float)
    dataset, said = read(
        form, tmp_path, data=digits.reshape(30, -1), images=digits, target=Y, target_names=np.arange(3)
    )
    assert (in_order(dataset)[0][..., 0] == X % 17).all()
    assert dataset.class_names == ("0", "1", "2")
    assert "the greatest value of its training images is 16 of 255" in said


@both
@pytest.mark.parametrize("key", ["class_names", "classes", "label_names", "target_names", "list_classes"])
def test_class_names_are_found(form, key, tmp_path):
    dataset, _ = read(form, tmp_path, data=X, targets=Y, **{key: np.array(["cat", "dög", "eel"])})
    assert dataset.class_names == ("cat", "dög", "eel")


@both
def test_what_was_read_before_is_read_alike_by_the_first_rules(form, tmp_path):
    """Other names for classes, and a second set of arrays, were passed over."""
    arrays = {"train_images": X, "train_labels": Y, "test_images": X_TEST, "test_labels": Y_TEST}
    more = {**arrays, "classes": np.array(["cat", "dog", "eel"]), "x_train": X + 1, "y_train": Y, "val_images": X}
    dataset = load_dataset(write(form, tmp_path, more), reading=1)
    assert dataset.class_names == ("0", "1", "2")
    assert dataset.fingerprint == load_dataset(write(form, tmp_path, arrays), reading=1).fingerprint


@both
@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x_train": X, "y_train": Y, "train_images": X, "train_labels": Y}, "train_images and x_train, either"),
        ({"images": X, "labels": Y, "train_images": X, "train_labels": Y}, "train_images and images, either"),
        ({"images": X, "labels": Y, "targets": Y}, "labels and targets, either of which could be the labels"),
        ({"a/images": X, "a/labels": Y, "b/images": X, "b/labels": Y}, "in the groups a and b, expected one"),
        (
            {"arr_0": X, "arr_1": Y},
            r"found arr_0, arr_1.*add train_images, train_labels, under their names: (numpy\.savez|h5py\.File)",
        ),
        ({"images": X}, r"add train_labels"),
        ({"x_train": X, "y_train": Y, "x_test": X_TEST}, "add test_labels.*or leave test_images out"),
        ({"x_train": X, "y_train": Y, "y_test": Y_TEST}, "add test_images"),
        ({"data": X.reshape(30, -1), "target": Y}, r"\[30, 30\], each image a row.*images\.reshape\(-1, H, W\) with H"),
        ({"data": np.zeros((30, 784)), "target": Y}, r"save images\.reshape\(-1, 28, 28\)"),
        ({"data": np.zeros((30, 3072)), "target": Y}, r"reshape\(-1, 3, 32, 32\)\.transpose\(0, 2, 3, 1\).*as CIFAR's"),
        ({"images": COLOURED.transpose(1, 2, 3, 0), "labels": Y}, r"images\.transpose\(3, 0, 1, 2\)"),
        ({"images": np.zeros((30, 6, 5, 4), np.uint8), "labels": Y}, r"save images\[\.\.\., :3\]"),
    ],
)
def test_what_is_open_is_refused_in_one_line(form, arrays, says, tmp_path):
    with pytest.raises(DataError, match=says):
        read(form, tmp_path, **arrays)
    assert "\n" not in refusal(form, tmp_path, **arrays)


@both
def test_the_line_that_adds_an_array_is_for_a_file_of_this_kind(form, tmp_path):
    line = {"npz": "numpy.savez(FILE, train_images=...", "hdf5": "h5py.File(FILE, 'a')[NAME] = ARRAY"}[form]
    assert f"add train_labels: {line}" in refusal(form, tmp_path, images=X)


@both
@pytest.mark.parametrize("kind", ["int64", "uint16", ">i4", "float32", "float64"])
def test_whole_numbers_from_0_to_255_are_pixels_whatever_their_type(form, kind, tmp_path):
    dataset, said = read(form, tmp_path, x_train=X.astype(kind), y_train=Y, x_test=X_TEST, y_test=Y_TEST)
    assert (dataset.train_images[..., 0] == X).all()
    assert not said


@both
def test_truth_values_are_black_and_white(form, tmp_path):
    dataset, said = read(form, tmp_path, x_train=X > 99, y_train=Y, x_test=X_TEST > 99, y_test=Y_TEST)
    assert (dataset.train_images[..., 0] == np.where(X > 99, 255, 0)).all()
    assert "white and black" in said


@both
def test_images_with_their_channels_first_are_turned(form, tmp_path):
    dataset, said = read(form, tmp_path, images=COLOURED.transpose(0, 3, 1, 2), labels=Y)
    assert (in_order(dataset)[0] == COLOURED).all()
    assert "[30, 3, 6, 5] are taken as [N, C, H, W]" in said


@pytest.mark.parametrize(
    "images",
    [
        X / 255,
        (X / 255).astype(np.float16),
        X / 127.5 - 1,
        X * (254.6 / 255),
        X / 255 - 0.5,
        X + np.where(X > 250, 0.7, -0.7),  # resized with overshoot
        X.astype(np.uint16) * 257,
        (X.astype(np.int16) - 128).astype(np.int8),
        X.astype(np.int32) * 1000 - 50_000,
    ],
)
def test_the_line_that_is_named_mends_the_values(images, tmp_path):
    line = refusal("npz", tmp_path, images=images, labels=Y)
    mended = eval(line.partition("scale the values and save ")[2], {"numpy": np, "images": images})
    assert mended.dtype == np.uint8
    assert np.abs(mended.astype(int) - X).max() <= 1 or (images.min() < -1000 and mended.min() == 0)
    assert load_dataset(write("npz", tmp_path, {"images": mended, "labels": Y}), say=str).image_shape == (6, 5, 1)


@both
@pytest.mark.parametrize(
    ("images", "says"),
    [
        ((X > 99) * 1.0, r"from 0 to 1.*numpy\.rint\(images \* 255\)"),  # not 0 and 1 of 255
        ((X / 255 - 0.4) / 0.2, "if they were normalised so"),
        (np.where(X > 3, X, np.nan), "not finite"),
        (np.where(X > 3, X, np.inf), "not finite"),
    ],
)
def test_values_that_are_no_pixels_are_refused(form, images, says, tmp_path):
    with pytest.raises(DataError, match=says):
        read(form, tmp_path, images=images, labels=Y)


@both
@pytest.mark.parametrize(
    "labels",
    [
        Y[:, None],
        Y[:, None, None, None],
        Y[None],
        Y.astype(np.float32),
        Y.astype(">u2"),
        np.eye(3)[Y],
        np.eye(3, dtype=np.uint8)[Y],
        np.eye(3, dtype=bool)[Y],
    ],
)
def test_labels_of_other_forms_are_read(form, labels, tmp_path):
    dataset, said = read(form, tmp_path, x_train=X, y_train=labels, x_test=X_TEST, y_test=Y_TEST)
    assert dataset.train_labels.tolist() == Y.tolist()
    assert dataset.class_names == ("0", "1", "2")
    assert ("one-hot" in said) == (labels.shape == (30, 3))


@both
@pytest.mark.parametrize("encoded", [False, True])
def test_labels_that_are_texts_name_the_classes(form, encoded, tmp_path):
    names = np.array(["eel", "cat", "dög"])
    given = np.char.encode(names, "utf-8") if encoded else names
    arrays = {"x_train": X, "y_train": given[Y], "x_test": X_TEST, "y_test": given[Y_TEST]}
    dataset, _ = read(form, tmp_path, **arrays)
    assert dataset.class_names == ("cat", "dög", "eel")
    assert [dataset.class_names[label] for label in dataset.train_labels] == names[Y].tolist()
    assert [dataset.class_names[label] for label in dataset.test_labels] == names[Y_TEST].tolist()
    dataset, _ = read(form, tmp_path, **arrays, class_names=names)
    assert dataset.class_names == ("eel", "cat", "dög")
    assert dataset.train_labels.tolist() == Y.tolist()


@both
@pytest.mark.parametrize(("labels", "names"), [(Y + 1, ("1", "2", "3")), (Y * 10, ("0", "10", "20"))])
def test_labels_that_start_elsewhere_or_leave_numbers_out_are_renumbered(form, labels, names, tmp_path):
    tested = np.array([int(names[label]) for label in Y_TEST])
    dataset, said = read(form, tmp_path, x_train=X, y_train=labels, x_test=X_TEST, y_test=tested)
    assert dataset.class_names == names
    assert dataset.train_labels.tolist() == Y.tolist()
    assert dataset.test_labels.tolist() == Y_TEST.tolist()
    assert "numbered from 0" in said
    called = {"class_names": np.array(["cat", "dog", "eel"])}
    dataset, said = read(form, tmp_path, x_train=X, y_train=labels, x_test=X_TEST, y_test=tested, **called)
    assert dataset.class_names == ("cat", "dog", "eel")
    assert dataset.train_labels.tolist() == Y.tolist()
    assert "in the order of the class names" in said


@both
def test_labels_of_two_classes_may_be_minus_one_and_one(form, tmp_path):
    arrays = {"x_train": X, "y_train": 2 * (Y % 2) - 1, "x_test": X_TEST, "y_test": 2 * (Y_TEST % 2) - 1}
    dataset, said = read(form, tmp_path, **arrays)
    assert dataset.class_names == ("-1", "1")
    assert dataset.train_labels.tolist() == (Y % 2).tolist()
    assert dataset.test_labels.tolist() == (Y_TEST % 2).tolist()
    assert "its 2 labels go from -1 to 1; they are numbered from 0" in said
    dataset, _ = read(form, tmp_path, **arrays, class_names=np.array(["no", "yes"]))
    assert dataset.class_names == ("no", "yes")
    assert dataset.train_labels.tolist() == (Y % 2).tolist()


@both
@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"y_train": np.full((30, 3), 1 / 3)}, r"row 0 is not one 1 and zeros.*labels\.argmax\(1\)"),
        ({"y_train": np.eye(3)[Y] + (np.arange(30)[:, None] == 7)}, "row 7 is not one 1 and zeros"),
        ({"y_train": Y + 0.5}, "found the label 0.5, expected whole numbers"),
        ({"y_train": np.where(Y > 0, Y, np.nan)}, "found the label nan"),
        ({"y_train": Y - 1}, r"found label -1, expected labels from 0; leave those .*return_inverse=True\)\[1\]"),
        ({"y_train": Y % 2 - 1}, "found label -1, expected labels from 0"),
        ({"y_train": 3 * (Y % 2) - 2}, "found label -2, expected labels from 0"),
        ({"y_train": Y[:29]}, r"found int64 \[29\], expected integers \[30\]"),
        ({"y_train": Y * 10}, "found test label 1, which no training example has"),
        ({"y_train": np.array(["a", "b", "c"])[Y]}, "labels as text in one part and as numbers in the other"),
        (
            {"y_train": np.array(["a", "b"])[Y % 2], "y_test": np.full(12, "c")},
            "found the label 'c', which no training",
        ),
        (
            {"y_train": np.array(["a", "b"])[Y % 2], "y_test": np.full(12, "a"), "class_names": np.array(["a", "c"])},
            "found the label 'b', which the class names do not have",
        ),
    ],
)
def test_labels_that_are_none_are_refused(form, arrays, says, tmp_path):
    with pytest.raises(DataError, match=says):
        read(form, tmp_path, **{"x_train": X, "x_test": X_TEST, "y_test": Y_TEST, **arrays})


def test_class_names_that_are_python_objects_are_told(tmp_path):
    np.savez(tmp_path / "x.npz", images=X, labels=Y, label_names=np.array(["eel", "cat", "dog"], dtype=object))
    said: list[str] = []
    dataset = load_dataset(f"npz:{tmp_path}/x.npz", say=said.append)
    assert dataset.class_names == ("0", "1", "2")
    line = next(line for line in said if "label_names holds Python objects" in line)
    assert "save numpy.array(label_names.tolist()) in its place" in line
    assert line.endswith("; the classes have no names from it now")


@pytest.mark.parametrize(
    ("member", "says"),
    [
        ("train/cat/0.JPG", r"found files such as train/cat/0.JPG, .*unpack it, and read .* as folder:DIR"),
        ("training/data.pkl", r"found what torch\.save writes, .*numpy\.savez"),
    ],
)
def test_a_zip_archive_of_something_else_is_told_with_what_to_do(member, says, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(member, b"any")
    with pytest.raises(DataError, match=says):
        load_dataset(f"npz:{tmp_path}/x.zip")


def test_a_file_of_another_kind_is_named(tmp_path):
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(DataError, match=r"this is one NumPy array: save images and labels together with numpy\.savez"):
        load_dataset(f"npz:{tmp_path}/x.npy")
    np.savez(tmp_path / "x.npz", images=X, labels=Y)
    with pytest.raises(DataError, match=r"if NumPy wrote it, read it as npz:"):
        load_dataset(f"hdf5:{tmp_path}/x.npz")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["images"] = X
    with pytest.raises(DataError, match=r"this is an HDF5 file: read it as hdf5:"):
        load_dataset(f"npz:{tmp_path}/x.h5")


@both
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1f\nsize 9\n", "a Git LFS pointer: .*git lfs pull"),
        (b"\n<!DOCTYPE html><title>404", "a web page: the download failed"),
        (b"", "empty: get it again"),
        (bytes(2000), "nothing but zeros: .*get it again"),
        (gzip.compress(b"anything", mtime=0), "packed by gzip: unpack it with gunzip"),
        (pickle.dumps({"x": 1}), r"a pickle: load it where you trust it and save its arrays with numpy\.savez"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", r"a MATLAB file: load it with scipy\.io\.loadmat"),
        (b"PAR1 and more", "a Parquet file: read it as hf:"),
        (b"label,pixel0,pixel1\r\n3,0,255\r\n", r"a table of text: read it with numpy\.loadtxt.*numpy\.savez"),
        (b",".join([b"7"] * 785), r"a table of text: .*reshape"),
    ],
    ids=["git-lfs", "html", "empty", "zeros", "gzip", "pickle", "matlab", "parquet", "csv", "csv of one long line"],
)
def test_what_lies_under_the_name_of_a_file_of_arrays_is_named_with_what_to_do(form, content, says, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match=f"this is {says}"):
        load_dataset(f"{form}:{tmp_path}/x")


def test_names_that_begin_like_a_test_set_and_are_something_else_do_not_hinder(tmp_path):
    more = {"image_ts": np.arange(30), "y_str": np.array(["a"] * 30), "dataset": np.array("mine")}
    dataset, _ = read("npz", tmp_path, images=X, labels=Y, **more)
    assert (in_order(dataset)[0][..., 0] == X).all()


def test_volumes_are_refused_with_the_line_that_takes_a_slice(tmp_path):
    line = refusal("npz", tmp_path, images=np.zeros((30, 9, 8, 7), np.uint8), labels=Y)
    assert line.endswith("images[:, images.shape[1] // 2]")
