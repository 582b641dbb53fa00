import hashlib

import h5py
import numpy as np
import pytest

from memscope.files.sealed import LENGTH, open_sealed, writing_sealed


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.h5"
    with writing_sealed(path) as stored:
        stored["values"] = np.arange(1000)
        stored["values"].attrs["units"] = "class"
        stored["names"] = ["a", "b"]
    return path


def numbers(path):
    with open_sealed(path) as stored:
        return stored["values"][()].tolist(), list(stored["names"].asstr()), dict(stored["values"].attrs)


def test_the_last_line_is_the_sha256_of_all_before_it_and_other_readers_do_not_mind(file):
    content = file.read_bytes()
    digest = hashlib.sha256(content[:-LENGTH]).hexdigest()
    assert content[-LENGTH:] == f"\nmemscope-sha256 {digest}\n".encode()
    with h5py.File(file, "r") as stored:
        assert stored["values"][()].tolist() == list(range(1000))
    assert numbers(file) == (list(range(1000)), ["a", "b"], {"units": "class"})


def test_any_flipped_bit_and_any_truncation_is_found(file):
    content, random = file.read_bytes(), np.random.default_rng(0)
    positions = [*random.integers(0, len(content), 300), *range(len(content) - LENGTH, len(content))]
    for position in positions:
        broken = bytearray(content)
        broken[position] ^= 1 << random.integers(8)
        file.write_bytes(bytes(broken))
        with pytest.raises((ValueError, OSError)):
            numbers(file)
    for length in [0, 1, 100, *random.integers(0, len(content), 50), len(content) - LENGTH, len(content) - 1]:
        file.write_bytes(content[:length])
        with pytest.raises((ValueError, OSError)):
            numbers(file)
    file.write_bytes(content + b"x")
    with pytest.raises((ValueError, OSError)):
        numbers(file)


def test_a_file_from_before_seals_is_read(tmp_path):
    with h5py.File(tmp_path / "old.h5", "w") as stored:
        stored["values"] = [1, 2]
    with open_sealed(tmp_path / "old.h5") as stored:
        assert stored["values"][()].tolist() == [1, 2]


def test_an_error_while_a_file_is_filled_leaves_the_old_one(file):
    before = file.read_bytes()
    with pytest.raises(ZeroDivisionError), writing_sealed(file) as stored:
        stored["values"] = [1 / 0]
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]
