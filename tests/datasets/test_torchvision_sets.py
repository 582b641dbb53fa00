"""`torchvision:`: files as torchvision leaves them, read as torchvision reads them, with and without torchvision."""

import pickle

import numpy as np
import pytest

from memscope.datasets import load_dataset
from memscope.errors import DataError, OptionError
from memscope.torchvision_import import mend_torchvision
from memscope.work.options import absolute

RANDOM = np.random.default_rng(0)


def idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    head = bytes([0, 0, 8, array.ndim]) + b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


def four_files(folder, prefix="", test="t10k", lowest=0, classes=10):
    arrays = {}
    for part, count in (("train", 60), (test, 40)):
        arrays[part] = RANDOM.integers(0, 256, (count, 6, 5)), lowest + np.arange(count) % classes
        idx(folder / f"{prefix}{part}-images-idx3-ubyte", arrays[part][0])
        idx(folder / f"{prefix}{part}-labels-idx1-ubyte", arrays[part][1])
    return arrays


def cifar(folder):
    folder.mkdir(parents=True)
    rows = {}
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        rows[name] = RANDOM.integers(0, 256, (20, 3072), dtype=np.uint8)
        (folder / name).write_bytes(pickle.dumps({"data": rows[name], "labels": [at % 10 for at in range(20)]}))
    names = [f"class {number}" for number in range(10)]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}))
    return rows


def quiet(spec):
    return load_dataset(spec, say=lambda line: None)


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_mnist_and_its_kin_are_read_where_torchvision_keeps_them(tmp_path, name):
    datasets = imported()
    arrays = four_files(tmp_path / name / "raw")
    found = quiet(f"torchvision:{name}:{tmp_path}")
    theirs = getattr(datasets, name)(str(tmp_path), train=True, download=False)
    assert (found.train_images[..., 0] == theirs.data.numpy()).all()
    assert (found.train_labels == theirs.targets.numpy()).all()
    assert (found.test_images[..., 0] == arrays["t10k"][0]).all()
    assert found.class_names[1] == {"KMNIST": "ki"}.get(name, "1")


def imported():
    mend_torchvision()
    from torchvision import datasets

    return datasets


def test_one_split_of_emnist_is_taken_from_many_and_stands_upright(tmp_path):
    four_files(tmp_path / "EMNIST/raw", "emnist-digits-", "test")
    arrays = four_files(tmp_path / "EMNIST/raw", "emnist-letters-", "test", lowest=1, classes=26)
    lines = []
    found = load_dataset(f"torchvision:EMNIST/letters:{tmp_path}", say=lines.append)
    assert not lines  # of the numbers that the files have
    assert (found.train_images[..., 0] == arrays["train"][0].transpose(0, 2, 1)).all()
    assert found.class_names == tuple("abcdefghijklmnopqrstuvwxyz")
    assert found.train_labels[:3].tolist() == [0, 1, 2]
    assert quiet(f"torchvision:EMNIST/digits:{tmp_path}").num_classes == 10
    with pytest.raises(DataError, match="found no emnist-balanced-train-images-idx3-ubyte"):
        quiet(f"torchvision:EMNIST/balanced:{tmp_path}")


def test_the_names_of_emnists_classes_are_torchvisions():
    from memscope.datasets.torchvision_sets import EMNIST, emnist_names

    theirs = imported().EMNIST.classes_split_dict
    for split in EMNIST:
        assert list(emnist_names(split)) == [name for name in theirs[split] if name != "N/A"], split


def test_cifar_is_read_as_torchvision_would_and_without_unpickling(tmp_path, monkeypatch):
    rows = cifar(tmp_path / "cifar-10-batches-py")
    found = quiet(f"torchvision:CIFAR10:{tmp_path}")
    assert (found.train_images[:20].transpose(0, 3, 1, 2).reshape(20, 3072) == rows["data_batch_1"]).all()
    datasets = imported()
    monkeypatch.setattr(datasets.CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *given: True)
    monkeypatch.setattr(datasets.CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": ""})
    theirs = datasets.CIFAR10(str(tmp_path), train=False, download=False)
    assert (found.test_images == theirs.data).all()
    assert found.test_labels.tolist() == theirs.targets


def test_svhn_is_read_through_torchvision(tmp_path, monkeypatch):
    io = pytest.importorskip("scipy.io")
    imported()
    monkeypatch.setattr("torchvision.datasets.svhn.check_integrity", lambda *given: True)
    images = {}
    for part in ("train", "test"):
        images[part] = RANDOM.integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
        labels = (1 + np.arange(30) % 10)[:, None]  # SVHN calls the zero 10
        io.savemat(tmp_path / f"{part}_32x32.mat", {"X": images[part].transpose(1, 2, 3, 0), "y": labels})
    found = quiet(f"torchvision:SVHN:{tmp_path}")
    assert (found.train_images == images["train"]).all()
    assert (found.test_images == images["test"]).all()
    assert found.train_labels[:10].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
    assert found.class_names == tuple("0123456789")


def test_stl10_is_read_through_torchvision(tmp_path, monkeypatch):
    datasets = imported()
    monkeypatch.setattr(datasets.STL10, "_check_integrity", lambda self: True)
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    images = {}
    for part in ("train", "test"):
        images[part] = RANDOM.integers(0, 256, (20, 96, 96, 3), dtype=np.uint8)
        (folder / f"{part}_X.bin").write_bytes(images[part].transpose(0, 3, 2, 1).tobytes())  # columns first
        (folder / f"{part}_y.bin").write_bytes((1 + np.arange(20) % 10).astype(np.uint8).tobytes())
    names = [f"thing {number}" for number in range(10)]
    (folder / "class_names.txt").write_text("\n".join(names) + "\n")
    found = quiet(f"torchvision:STL10:{tmp_path}")
    assert (found.train_images == images["train"]).all()
    assert found.test_labels[:10].tolist() == list(range(10))
    assert found.class_names == tuple(names)


def test_files_that_are_not_those_that_were_published_are_refused(tmp_path):
    pytest.importorskip("scipy")
    (tmp_path / "train_32x32.mat").write_bytes(b"no mat")
    with pytest.raises(DataError, match=r"torchvision cannot read SVHN in .*not found or corrupted"):
        quiet(f"torchvision:SVHN:{tmp_path}")


def test_names_and_places_that_there_are_not(tmp_path):
    for name, meant in (("EMNIST", "EMNIST/balanced"), ("cifar10", "CIFAR10"), ("fashionmnist", "FashionMNIST")):
        with pytest.raises(OptionError, match=f"there is no data set {name!r}; did you mean {meant} "):
            quiet(f"torchvision:{name}:{tmp_path}")
    for name in ("ImageNet", "CocoDetection", "EMNIST/greek"):
        with pytest.raises(OptionError, match=f"{name!r} is no data set of images and their classes that is read here"):
            quiet(f"torchvision:{name}:{tmp_path}")
    with pytest.raises(DataError, match=r"found no .*MNIST/raw, expected it as torchvision leaves it; name the root"):
        quiet(f"torchvision:MNIST:{tmp_path}")
    with pytest.raises(OptionError, match="unknown data set 'torchvision:'"):
        quiet("torchvision:")


def test_the_root_is_data_unless_it_is_named_and_is_found_from_elsewhere(tmp_path, monkeypatch):
    four_files(tmp_path / "data/MNIST/raw")
    monkeypatch.chdir(tmp_path)
    assert len(quiet("torchvision:MNIST").train_labels) == 60
    assert absolute("torchvision:MNIST") == f"torchvision:MNIST:{tmp_path / 'data'}"
    assert absolute("torchvision:EMNIST/letters:data") == f"torchvision:EMNIST/letters:{tmp_path / 'data'}"
    assert absolute("npz:a.npz") == f"npz:{tmp_path / 'a.npz'}"
    assert absolute("fashion-mnist-5k") == "fashion-mnist-5k"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(quiet("torchvision:MNIST:~/data").train_labels) == 60


def test_without_torchvision_svhn_says_what_to_install_and_the_others_are_read(tmp_path, monkeypatch):
    four_files(tmp_path / "MNIST/raw")
    monkeypatch.setitem(__import__("sys").modules, "torchvision", None)
    assert len(quiet(f"torchvision:MNIST:{tmp_path}").train_labels) == 60
    with pytest.raises(OptionError, match=r"SVHN needs torchvision, .*; pip install 'memscope-ml\[vision\]'"):
        quiet(f"torchvision:SVHN:{tmp_path}")
