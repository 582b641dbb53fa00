import io
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from memscope.datasets import load_dataset
from memscope.errors import DataError
from tests.datasets.damage import expect_data_or_refusals

PER_BATCH = 4


def batch(seed: int, count: int = PER_BATCH, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [N, 32, 32, 3] and labels."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), (np.arange(count) + seed) % classes


def planes(images: np.ndarray) -> np.ndarray:
    """Rows of red, then green, then blue bytes, written out one by one."""
    return np.stack([np.concatenate([image[:, :, channel].ravel() for channel in range(3)]) for image in images])


def cifar10(directory: Path, form: str, protocol: int = 2) -> None:
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for seed, name in enumerate(names):
        images, labels = batch(seed)
        if form == "bin":
            rows = np.concatenate([labels[:, None].astype(np.uint8), planes(images)], axis=1)
            (directory / f"{name}.bin").write_bytes(rows.tobytes())
        else:
            content = {
                b"batch_label": name.encode(),
                b"labels": labels.tolist(),
                b"data": planes(images),
                b"filenames": [f"{name}_{position}.png".encode() for position in range(len(labels))],
            }
            (directory / name).write_bytes(pickle.dumps(content, protocol))
    if form == "bin":
        (directory / "batches.meta.txt").write_text("airplane\nautomobile\n\n")
    else:
        meta = {b"label_names": [b"airplane", b"automobile"], b"num_vis": 3072}
        (directory / "batches.meta").write_bytes(pickle.dumps(meta, protocol))


def cifar100(directory: Path, form: str) -> None:
    for name, seed, count in (("train", 0, 6), ("test", 1, 3)):
        images, fine = batch(seed, count, 3)
        if form == "bin":
            rows = np.concatenate(
                [np.full((count, 1), 9, np.uint8), fine[:, None].astype(np.uint8), planes(images)], axis=1
            )
            (directory / f"{name}.bin").write_bytes(rows.tobytes())
        else:
            content = {b"fine_labels": fine.tolist(), b"coarse_labels": [9] * count, b"data": planes(images)}
            (directory / name).write_bytes(pickle.dumps(content, 2))
    if form == "bin":
        (directory / "fine_label_names.txt").write_text("apple\nbaby\nbear\n")
    else:
        (directory / "meta").write_bytes(pickle.dumps({b"fine_label_names": [b"apple", b"baby", b"bear"]}, 2))


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("form", ["bin", "py"])
def test_cifar_10_is_read_in_the_official_order(form, inside, tmp_path):
    directory = tmp_path / f"cifar-10-batches-{form}" if inside else tmp_path
    directory.mkdir(exist_ok=True)
    cifar10(directory, form)
    dataset = load_dataset(f"cifar:{tmp_path}")
    images = np.concatenate([batch(seed)[0] for seed in range(5)])
    assert (dataset.train_images == images).all()
    assert dataset.train_labels.tolist() == [label for seed in range(5) for label in batch(seed)[1]]
    assert (dataset.test_images == batch(5)[0]).all()
    assert dataset.test_labels.tolist() == batch(5)[1].tolist()
    assert dataset.class_names == ("airplane", "automobile")
    assert dataset.train_index.tolist() == list(range(20))
    if form == "py":
        assert dataset.train_names[5] == "data_batch_2_1.png"
        assert dataset.test_names[0] == "test_batch_0.png"
    else:
        assert dataset.train_names is None


@pytest.mark.parametrize("form", ["bin", "py"])
def test_cifar_100_is_read_with_its_fine_labels(form, tmp_path):
    cifar100(tmp_path, form)
    dataset = load_dataset(f"cifar:{tmp_path}")
    assert (dataset.train_images == batch(0, 6, 3)[0]).all()
    assert dataset.train_labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert dataset.test_labels.tolist() == [1, 2, 0]
    assert dataset.class_names == ("apple", "baby", "bear")


def python_2_pickle(rows: np.ndarray, labels: list[int]) -> bytes:
    """The official files' form: written by Python 2, arrays as byte strings, `numpy.core.multiarray`."""

    def text(value: bytes) -> bytes:
        return b"T" + struct.pack("<i", len(value)) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(" + number(0) + b"t" + text(b"b") + b"tR"
        b"(" + number(1) + b"(" + number(rows.shape[0]) + number(rows.shape[1]) + b"t"
        b"cnumpy\ndtype\n(" + text(b"u1") + number(0) + number(1) + b"tR("
        + number(3) + text(b"|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb"
        b"\x89" + text(rows.tobytes()) + b"tb"
    )  # fmt: skip
    listed = b"](" + b"".join(number(label) for label in labels) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + listed + b"u."


def test_a_batch_written_by_python_2_is_read(tmp_path):
    cifar10(tmp_path, "py")
    images, labels = batch(0)
    (tmp_path / "data_batch_1").write_bytes(python_2_pickle(planes(images), labels.tolist()))
    dataset = load_dataset(f"cifar:{tmp_path}")
    assert (dataset.train_images[:PER_BATCH] == images).all()
    assert dataset.train_labels[:PER_BATCH].tolist() == labels.tolist()


class Calls:
    def __init__(self, function, *arguments) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("name", ["data_batch_3", "batches.meta"])
def test_a_malicious_pickle_is_refused_by_name_and_not_run(name, protocol, tmp_path):
    cifar10(tmp_path, "py")
    target = tmp_path / "ran"
    hostile = {b"data": Calls(os.mkdir, str(target)), b"label_names": Calls(eval, "1")}
    (tmp_path / name).write_bytes(pickle.dumps(hostile, protocol))
    with pytest.raises(DataError, match=rf"{name}: found the refused name (posix|nt)\.mkdir.*get the file again"):
        load_dataset(f"cifar:{tmp_path}")
    assert not target.exists()


@pytest.mark.parametrize(
    "function", [eval, exec, getattr, __import__, np.load, np.frombuffer, io.open, pickle.loads, bytearray]
)
def test_no_other_function_can_be_named(function, tmp_path):
    cifar10(tmp_path, "py")
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(Calls(function, "1"), 2))
    with pytest.raises(DataError, match="the refused name"):
        load_dataset(f"cifar:{tmp_path}")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\x80\x02}r\xff\xff\xff\x7f.", "data: found NoneType"),
        (b"\x80\x04\x8e" + (2**40).to_bytes(8, "little") + b".", "expected 1099511627776 bytes"),
        (pickle.dumps([1, 2]), "list and not a dictionary"),
        (b"", "expected the plain data"),
        (pickle.dumps({b"data": np.array([None, "x"], dtype=object)}, 2), "the type 'O8', which is no plain"),
        (pickle.dumps({b"data": np.zeros((2, 3072), complex)}, 2), "the type 'c16', which is no plain"),
        (pickle.dumps((np.zeros(3), [1])), "tuple and not a dictionary.*numpy.savez"),
        (pickle.dumps({"images": np.zeros(3)}), "data: found NoneType among the keys 'images'"),
        (pickle.dumps({"data": Path("x")}), "the refused name pathlib"),
        (pickle.dumps({"data": np.zeros(3)}, 5, buffer_callback=lambda buffer: None), "the instruction NEXT_BUFFER"),
    ],
)
def test_pickles_of_other_things_are_refused(data, found, tmp_path):
    cifar10(tmp_path, "py")
    (tmp_path / "data_batch_2").write_bytes(data)
    with pytest.raises(DataError, match=rf"data_batch_2: .*{found}") as caught:
        load_dataset(f"cifar:{tmp_path}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({b"data": np.zeros((4, 3000), np.uint8)}, r"data: found uint8 \[4, 3000\].*expected uint8 \[N, 3072\]"),
        ({b"data": [1]}, "data: found list"),
        ({b"labels": [0, 1, 0]}, "labels: expected a list of 4 class numbers"),
        ({b"labels": [0, 1, 0, -1]}, "labels: expected a list of 4 class numbers"),
        ({b"labels": [0, 1, 0, 7]}, "found label 7, expected 0 to 1 for 2 classes"),
        ({b"filenames": [b"a"]}, "filenames: found 1, expected 4"),
        ({b"filenames": 3}, "filenames: expected a list of names"),
    ],
)
def test_a_batch_with_other_content_is_refused(change, message, tmp_path):
    cifar10(tmp_path, "py")
    content = {b"data": planes(batch(0)[0]), b"labels": [0, 1, 0, 1], **change}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(content, 2))
    with pytest.raises(DataError, match=message):
        load_dataset(f"cifar:{tmp_path}")


@pytest.mark.parametrize(
    ("form", "name"),
    [("bin", "data_batch_4.bin"), ("bin", "test_batch.bin"), ("py", "data_batch_4"), ("py", "batches.meta")],
)
def test_a_truncated_or_missing_file_is_named(form, name, tmp_path):
    cifar10(tmp_path, form)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=rf"{name}: .*again") as caught:
        load_dataset(f"cifar:{tmp_path}")
    assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(DataError, match=f"found no {name}.*unpack the archive again"):
        load_dataset(f"cifar:{tmp_path}")


def test_a_batch_of_fewer_whole_images_is_read_and_told_of(tmp_path):
    cifar10(tmp_path, "bin")
    path = tmp_path / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[:-3073])
    said = []
    dataset = load_dataset(f"cifar:{tmp_path}", say=said.append)
    assert (
        dataset.train_images == np.concatenate([batch(seed)[0][: 3 if seed == 1 else 4] for seed in range(5)])
    ).all()
    assert len(said) == 1
    assert "data_batch_2.bin has 3 images and the largest batch 4" in said[0]


def test_a_large_and_a_small_binary_batch_are_no_damage(tmp_path):
    """A small file was held against the others' length, and called hostile."""
    for name, count in (("train", 8000), ("test", 2)):
        rows = np.zeros((count, 3074), np.uint8)
        rows[:, 1] = np.arange(count) % 2
        rows[:, 2:] = 200
        (tmp_path / f"{name}.bin").write_bytes(rows.tobytes())
    (tmp_path / "fine_label_names.txt").write_text("apple\nbaby\n")
    assert len(load_dataset(f"cifar:{tmp_path}").train_labels) == 8000


def saved(directory: Path, protocol: int = 4, encode=str.encode, change=lambda key, value: value) -> None:
    """CIFAR-10 as somebody's program saves it again."""
    for seed, name in enumerate([f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]):
        images, labels = batch(seed, PER_BATCH + seed)
        content = {"data": planes(images), "labels": labels.tolist()}
        content = {encode(key): change(key, value) for key, value in content.items()}
        (directory / name).write_bytes(pickle.dumps(content, protocol))
    names = {encode("label_names"): change("label_names", ["airplane", "automobile"])}
    (directory / "batches.meta").write_bytes(pickle.dumps(names, protocol))


def as_before(directory: Path) -> list[str]:
    """Asserts that what `saved` saved is read; what was said of it."""
    said: list[str] = []
    dataset = load_dataset(f"cifar:{directory}", say=said.append)
    batches = [batch(seed, PER_BATCH + seed) for seed in range(6)]
    assert (dataset.train_images == np.concatenate([images for images, _ in batches[:5]])).all()
    assert (dataset.train_labels == np.concatenate([labels for _, labels in batches[:5]])).all()
    assert (dataset.test_images == batches[5][0]).all()
    assert dataset.test_labels.tolist() == batches[5][1].tolist()
    assert dataset.class_names == ("airplane", "automobile")
    return said


@pytest.mark.parametrize("encode", [str, str.encode])
@pytest.mark.parametrize("protocol", range(6))
def test_batches_that_another_python_saved_again_are_read(protocol, encode, tmp_path):
    saved(tmp_path, protocol, encode)
    assert not as_before(tmp_path)


def test_batches_that_numpy_1_saved_again_are_read(tmp_path):
    """NumPy 2 calls its modules numpy._core."""
    saved(tmp_path, 5)
    for path in tmp_path.iterdir():
        renamed = path.read_bytes().replace(b"\x8c\x13numpy._core.numeric", b"\x8c\x12numpy.core.numeric")
        start = renamed.find(b"\x95")  # a frame, with its length
        if renamed != path.read_bytes():
            assert start == 2
            length = int.from_bytes(renamed[3:11], "little") - 1
            renamed = renamed[:3] + length.to_bytes(8, "little") + renamed[11:]
        path.write_bytes(renamed)
    as_before(tmp_path)


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    "change",
    [
        {"labels": np.array},
        {"labels": lambda labels: np.array(labels, np.uint8)},
        {"labels": lambda labels: np.array(labels, ">i4")},
        {"labels": lambda labels: np.array(labels)[:, None]},
        {"labels": lambda labels: np.array(labels, float)},
        {"labels": tuple},
        {"labels": lambda labels: list(np.array(labels))},  # NumPy's own numbers
        {"label_names": np.array},
        {"label_names": lambda names: np.array([name.encode() for name in names])},
        {"label_names": tuple},
        {"data": lambda rows: rows.astype(np.int64)},
        {"data": np.asfortranarray},
        {"data": lambda rows: np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))},
    ],
)
def test_arrays_of_other_kinds_are_read(change, protocol, tmp_path):
    saved(tmp_path, protocol, change=lambda key, value: change[key](value) if key in change else value)
    assert not as_before(tmp_path)


def test_what_is_remarkable_of_all_batches_is_said_once(tmp_path):
    saved(tmp_path, change=lambda key, value: value.reshape(-1, 3, 32, 32) if key == "data" else value)
    assert len(as_before(tmp_path)) == 1


def test_values_that_are_no_bytes_are_refused_with_the_line_that_mends_them(tmp_path):
    saved(tmp_path, change=lambda key, value: value / 255 if key == "data" else value)
    with pytest.raises(DataError, match=r"data_batch_1: data: found float64.*numpy\.rint\(images \* 255\)"):
        load_dataset(f"cifar:{tmp_path}")


def test_cifar_100_with_coarse_labels_only_is_read(tmp_path):
    for name, seed, count in (("train", 0, 6), ("test", 1, 3)):
        images, coarse = batch(seed, count)
        content = {"data": planes(images), "coarse_labels": coarse.tolist()}
        (tmp_path / name).write_bytes(pickle.dumps(content))
    (tmp_path / "meta").write_bytes(pickle.dumps({"coarse_label_names": ["fish", "fruit"]}))
    said: list[str] = []
    dataset = load_dataset(f"cifar:{tmp_path}", say=said.append)
    assert dataset.class_names == ("fish", "fruit")
    assert dataset.train_labels.tolist() == batch(0, 6)[1].tolist()
    assert "the coarse ones are read" in said[0]


def test_any_damage_of_a_pickle_ends_in_a_memscope_error_or_in_data(tmp_path):
    cifar10(tmp_path, "py")
    path = tmp_path / "data_batch_1"
    whole = pickle.dumps({b"data": planes(batch(0)[0]), b"labels": [0, 1, 0, 1]}, 2)
    path.write_bytes(whole)
    edges = np.r_[0:200, len(whole) - 60 : len(whole)]
    expect_data_or_refusals(f"cifar:{tmp_path}", path, edges, bytes_changed=3, times=200)


def test_an_empty_directory_and_two_data_sets_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"found no CIFAR files.*unpack"):
        load_dataset(f"cifar:{tmp_path}")
    for name in ("cifar-10-batches-bin", "cifar-100-binary"):
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="cifar-10-batches-bin, cifar-100-binary, expected one"):
        load_dataset(f"cifar:{tmp_path}")
