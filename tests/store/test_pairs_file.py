"""Files of pairs: published ones load, ours are like them, and what is no such file is refused in a line."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

import memscope
from memscope.errors import DataError
from memscope.store.pairs_file import Pairs, read_pairs, write_pairs

PUBLISHED = Path(__file__).parents[3] / "shared" / "data"
GOOD = {
    "tr_idx": np.array([7, 2, 7]),
    "tt_idx": np.array([1, 1, 4]),
    "infl": np.array([0.15, 0.2, -0.3]),
    "mem": np.array([0.25, 1.0, 0.7]),
}


def file_of(path: Path, **changes: np.ndarray | None) -> Path:
    arrays = {name: values for name, values in (GOOD | changes).items() if values is not None}
    np.savez(path / "pairs.npz", **arrays)
    return path / "pairs.npz"


@pytest.mark.parametrize(("name", "count", "train"), [("cifar100", 1015, 50_000), ("imagenet", 1641, 1_281_167)])
def test_the_published_pairs_load(name, count, train):
    path = PUBLISHED / f"{name}_high_infl_pairs_infl0.15_mem0.25.npz"
    if not path.is_file():
        pytest.skip("the published file is not here")
    found = memscope.read_pairs(path)
    with np.load(path) as arrays:
        assert np.array_equal(found.train, arrays["tr_idx"])
        assert np.array_equal(found.test, arrays["tt_idx"])
        assert np.array_equal(found.influence, arrays["infl"])
        assert np.array_equal(found.memorisation, arrays["mem"])
    assert len(found.train) == count
    assert found.train.max() < train
    assert found.influence.min() >= 0.15
    assert found.memorisation.min() >= 0.25
    assert (found.size, found.standard_error) == (None, None)


def test_what_is_written_is_read_again_and_has_the_names_and_types_of_published_ones(tmp_path):
    pairs = Pairs(GOOD["tr_idx"], GOOD["tt_idx"], GOOD["infl"], GOOD["mem"], 16, np.array([0.1, np.nan, 0.0]))
    write_pairs(tmp_path / "ours.npz", pairs)
    with np.load(tmp_path / "ours.npz") as arrays:
        assert {name: (arrays[name].dtype, arrays[name].shape) for name in arrays} == {
            "tr_idx": (np.int64, (3,)),
            "tt_idx": (np.int64, (3,)),
            "infl": (np.float64, (3,)),
            "mem": (np.float64, (3,)),
            "standard_error": (np.float64, (3,)),
            "size": (np.int64, ()),
        }
    found = read_pairs(tmp_path / "ours.npz")
    assert found.size == 16
    for name in ("train", "test", "influence", "memorisation", "standard_error"):
        assert np.array_equal(getattr(found, name), getattr(pairs, name), equal_nan=name == "standard_error")


def test_no_pairs_are_pairs_and_packed_and_narrow_arrays_are_read(tmp_path):
    nothing = {name: values[:0] for name, values in GOOD.items()}
    assert len(read_pairs(file_of(tmp_path, **nothing)).train) == 0
    narrow = {"tr_idx": GOOD["tr_idx"].astype(">u2"), "infl": GOOD["infl"].astype(np.float32)}
    np.savez_compressed(tmp_path / "packed.npz", **(GOOD | narrow))
    found = read_pairs(tmp_path / "packed.npz")
    assert found.train.dtype == np.int64
    assert found.train.tolist() == [7, 2, 7]
    assert found.influence == pytest.approx(GOOD["infl"])


WRONG = [
    ({"mem": None}, "add mem"),
    ({"tr_idx": None, "tt_idx": None}, "add tr_idx, tt_idx"),
    ({"tt_idx": np.arange(2)}, r"tt_idx is int64 \(2,\), expected whole numbers \[pairs\], as many as tr_idx"),
    ({"tr_idx": np.arange(3.0)}, "tr_idx is float64"),
    ({"infl": np.array([1, 0, 1])}, "infl is int64"),
    ({"infl": np.zeros((3, 1))}, "infl is float64"),
    ({"size": np.arange(3)}, "size is int64 .* expected one whole number"),
    ({"infl": np.array([0.1, np.nan, 0.1])}, "infl has nan, expected a difference of two shares, -1 to 1"),
    ({"mem": np.array([0.1, 1.2, 0.1])}, "mem has 1.2"),
    ({"standard_error": np.array([0.1, -0.2, 0.1])}, "standard_error has -0.2"),
    ({"tr_idx": np.array([1, -1, 2])}, "tr_idx has -1, expected a position in the source"),
    ({"tr_idx": np.array([1, 2**62, 2])}, "tr_idx has 4611686018427387904"),
    ({"tr_idx": np.array([7, 2, 7]), "tt_idx": np.array([1, 1, 1])}, "training example 7 and test example 1 twice"),
    ({"infl": np.array([{}, 1, 2], dtype=object)}, "holds Python objects, which .* are refused"),
]


@pytest.mark.parametrize(("changes", "says"), WRONG, ids=[says[:24] for _, says in WRONG])
def test_what_are_no_pairs_is_told_in_a_line(changes, says, tmp_path):
    with pytest.raises(DataError, match=says) as caught:
        read_pairs(file_of(tmp_path, **changes))
    assert str(caught.value).startswith(f"{tmp_path}/pairs.npz: ")
    assert str(caught.value).isprintable()


def test_other_files_are_called_what_they_are(tmp_path):
    path = tmp_path / "file"
    for content, says in (
        (b"", "found empty"),
        (b"<!doctype html>", "found a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "found a Git LFS pointer"),
        (b"tr_idx,tt_idx,infl\n1,2,3\n", "found a table of text"),
        (b"\x80\x02.", "found a pickle"),
        (b"\1\2\3", "found bytes of no known kind"),
        (file_of(tmp_path).read_bytes()[:-40], "cannot be read"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=says):
            read_pairs(path)
    with pytest.raises(DataError, match="found nothing, expected a file"):
        read_pairs(tmp_path / "nowhere.npz")


def test_a_header_that_claims_what_the_file_cannot_hold_costs_nothing(tmp_path):
    header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,), }\n"
    lying = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(tmp_path / "lying.npz", "w") as archive:
        archive.writestr("tr_idx.npy", lying)
        for name in ("tt_idx", "infl", "mem"):
            buffer = io.BytesIO()
            np.save(buffer, GOOD[name])
            archive.writestr(f"{name}.npy", buffer.getvalue())
    with pytest.raises(DataError, match="tr_idx claims 8,000,000,000,000 bytes"):
        read_pairs(tmp_path / "lying.npz")
