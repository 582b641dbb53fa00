"""The files of predicted memorability: what they hold survives them; what is not theirs is refused."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from memscope.errors import FileError, NewerError
from memscope.store import memorability as store
from memscope.store.memorability import (
    CHUNK,
    Predicting,
    begun,
    chunk_at,
    chunks,
    memorability_path,
    predicting,
    read_all,
    read_memorability,
    write_memorability,
)

DATA = "f" * 64
OF = predicting("resmem", "0123456789ab" + "c" * 52)
WHICH = range(500, 620)
VALUES = np.linspace(0, 1, 120).astype(np.float32)


@pytest.fixture
def run(tmp_path) -> Path:
    write_memorability(tmp_path, DATA, OF, WHICH, VALUES, "resmem 1.1.6")
    return tmp_path


def test_what_was_written_is_read_again(run):
    path = memorability_path(run, OF, WHICH)
    assert path.relative_to(run).as_posix() == "memorability/resmem-0123456789ab/00500-00619.h5"
    found = read_memorability(run, DATA, OF, WHICH)
    assert found.values.dtype == np.float32
    assert np.array_equal(found.values, VALUES)
    assert found.title == "resmem 1.1.6"


@pytest.mark.parametrize("examples", [1, 499, 500, 501, 1620])
def test_every_example_is_in_just_one_chunk(examples):
    which = [example for chunk in chunks(examples) for example in chunk]
    assert which == list(range(examples))
    assert max(map(len, chunks(examples))) == min(CHUNK, examples)


def test_all_files_together_are_read_and_what_is_begun_is_counted(run):
    assert begun(run, 620) == {OF: 120}
    write_memorability(run, DATA, OF, range(500), np.zeros(500), "resmem 1.1.6")
    assert begun(run, 620) == {OF: 620}
    assert np.array_equal(read_all(run, DATA, OF, 620).values, np.concatenate([np.zeros(500), VALUES]))
    (run / "memorability" / "somebody-else").mkdir()
    (run / "memorability" / "vitmem-0123456789ab").mkdir()
    assert begun(run, 620) == {OF: 620}
    assert begun(run / "none", 620) == {}


def test_the_same_values_make_the_same_bytes(run, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    write_memorability(other, DATA, OF, WHICH, VALUES, "resmem 1.1.6")
    assert memorability_path(run, OF, WHICH).read_bytes() == memorability_path(other, OF, WHICH).read_bytes()


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("resmem-0123456789ab/00500-00619.h5", (OF, WHICH)),
        ("resmem-0123456789ab/00000-00499.h5", (OF, range(500))),
        ("resmem-0123456789ab/00500-00618.h5", None),  # of a run that had fewer examples
        ("resmem-0123456789ab/00100-00599.h5", None),
        ("resmem-0123456789ab/01000-01499.h5", None),
        ("resmem-0123456789AB/00500-00619.h5", None),
        ("another-0123456789ab/00500-00619.h5", None),
        ("resmem-0123456789ab/more/00500-00619.h5", None),
        ("00500-00619.h5", None),
    ],
)
def test_a_file_is_known_by_its_path(inside, expected):
    assert chunk_at(Path(inside), 620) == expected


def change(path: Path, what) -> None:
    with h5py.File(path, "r+") as file:  # which cuts the seal off
        del file.attrs["sealed"]
        what(file)


def put(name: str, values: np.ndarray):
    def what(file):
        del file[name]
        file[name] = values

    return what


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda file: file.attrs.update(data_fingerprint="e" * 64), "has data fingerprint eeeeeeeeeeee"),
        (lambda file: file.attrs.update(weights="e" * 12), "has weights eeeeeeeeeeee"),
        (lambda file: file.attrs.update(predictor="vitmem"), "has predictor vitmem"),
        (lambda file: file.attrs.update({"encoding-type": "memscope-proxies"}), "expected encoding memscope-mem"),
        (put("example", np.arange(120)), "it is of other examples than 500 to 619"),
        (put("memorability", VALUES[:100]), "is damaged"),
        (put("memorability", np.full(120, np.nan, np.float32)), "values that are no numbers"),
        (put("memorability", np.ones(120, np.int32)), "values that are no numbers"),
        (lambda file: file.pop("memorability"), "is damaged"),
        (lambda file: file.attrs.pop("title"), "is damaged"),
    ],
)  # fmt: skip
def test_a_file_of_other_images_or_weights_is_refused_with_what_makes_it_again(what, said, run):
    change(memorability_path(run, OF, WHICH), what)
    with pytest.raises(FileError) as raised:
        read_memorability(run, DATA, OF, WHICH)
    assert said in str(raised.value)
    assert f"memscope memorability {run} --predictor resmem makes it again" in str(raised.value)


def test_every_changed_bit_is_noticed(run):
    path = memorability_path(run, OF, WHICH)
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(FileError):
            read_memorability(run, DATA, OF, WHICH)


def test_a_file_of_a_newer_memscope_is_not_called_damaged(run):
    change(memorability_path(run, OF, WHICH), lambda file: file.attrs.update({"encoding-version": "9.0"}))
    with pytest.raises(NewerError, match="upgrade memscope"):
        read_memorability(run, DATA, OF, WHICH)


def test_the_command_that_makes_a_file_of_vitmem_again_names_its_weights(tmp_path):
    of = Predicting("vitmem", "0" * 12)
    memorability_path(tmp_path, of, WHICH).parent.mkdir(parents=True)
    memorability_path(tmp_path, of, WHICH).write_bytes(b"x")
    with pytest.raises(FileError, match="--predictor vitmem --weights FILE makes it again"):
        read_memorability(tmp_path, DATA, of, WHICH)
    assert store.CHUNK == 500, "another number would leave the files of earlier runs unread"
