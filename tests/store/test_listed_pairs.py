"""The pairs of a choice, written and read: what comes back, and what is refused."""

import math

import h5py
import numpy as np
import pytest

from memscope.errors import RunError
from memscope.files.sealed import writing_sealed
from memscope.store.listed_pairs import Listed, ListedPairs, read_listed, write_listed

DATA = "ab" * 32


def some() -> Listed:
    pairs = ListedPairs(np.array([3, 9]), np.array([0, 4]), np.array([0.25, math.nan]), np.array([0.5, 0.3]))
    none = ListedPairs(*(np.zeros(0, dtype=kind) for kind in (np.int64, np.int64, np.float64, np.float64)))
    return Listed(0.15, 0.3, True, {4: none, 8: pairs})


def test_what_was_written_comes_back(tmp_path):
    file = tmp_path / "choice" / "listed.h5"
    write_listed(file, DATA, some())
    found = read_listed(tmp_path, file, DATA, 10, 5)
    assert (found.threshold, found.memorised, found.all_classes) == (0.15, 0.3, True)
    assert found.at(2) is None
    assert len(found.at(4).train) == 0
    for name in ("train", "test", "influence", "chosen_by"):
        np.testing.assert_array_equal(getattr(found.at(8), name), getattr(some().by_size[8], name))
    write_listed(file, DATA, Listed())
    none = read_listed(tmp_path, file, DATA, 10, 5)
    assert (none.by_size, none.all_classes, math.isnan(none.threshold)) == ({}, None, True)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("train_example", [3, 10], "train_example reaches beyond the 10 of the run"),
        ("test_example", [-1, 4], "test_example reaches beyond the 5 of the run"),
        ("train_example", [3.0, 9.0], "train_example is no array of whole numbers"),
        ("pair_size", [8, 16], "has pairs of sizes that were not searched"),
        ("influence", [0.1], "influence has 1 along pair, expected 2"),
        ("threshold", math.nan, "its thresholds are nan and 0.3"),
        ("data_fingerprint", "cd" * 32, "it is of data cdcdcdcdcdcd, expected abababababab"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path, name, value, said):
    file = tmp_path / "listed.h5"
    write_listed(file, DATA, some())
    with h5py.File(file) as old:
        attributes, fields = dict(old.attrs), {each: old[each][()] for each in old}
    changed = attributes if name in attributes else fields
    changed[name] = value
    with writing_sealed(file) as new:
        new.attrs.update(attributes)
        for each, values in fields.items():
            new[each] = values
    with pytest.raises(RunError) as told:
        read_listed(tmp_path, file, DATA, 10, 5)
    assert str(told.value) == f"{file} is damaged: {said}" + str(told.value).partition(said)[2]
    assert str(told.value).endswith(f"; put the original back, or remove {tmp_path}")
