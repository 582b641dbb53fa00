"""A pickle that would make a directory, planted in every kind of file: refused in one line, and nothing is made."""

import os
import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from fuzz.archives import arrays
from fuzz.pickles import batch, meta
from fuzz.plain import IDX_NAMES, idx_files
from fuzz.run_files import DIGEST, GROUP, TASK, good_run, plan
from memscope.datasets import load_dataset
from memscope.errors import MemscopeError
from memscope.plan.plan_file import read_plan
from memscope.store.dynamics import read_dynamics
from memscope.store.examples import open_images, read_examples
from memscope.store.ledger import read_outcome
from memscope.store.proxies import read_proxies
from memscope.store.results import read_results
from memscope.store.weights import read_weights


class Trap:
    """Unpickled, it makes a directory."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.path,)


def assert_refused(read: Callable[[], object], marker: Path) -> str:
    with pytest.raises(MemscopeError) as caught:
        read()
    assert not marker.exists()
    assert str(caught.value).isprintable()
    return str(caught.value)


def saved_by_torch(trap: Trap, path: Path) -> None:
    torch.save({"weights": trap}, path)


def pickled(trap: Trap, path: Path) -> None:
    path.write_bytes(pickle.dumps({b"data": trap, b"label_names": [trap]}, 2))


def a_npy_of_objects(trap: Trap, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([trap, None], dtype=object), allow_pickle=True)


def a_npz_of_objects(trap: Trap, path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **{**arrays(), "train_images": np.array([trap, None], dtype=object)})


ways = pytest.mark.parametrize("plant", [pickled, saved_by_torch, a_npy_of_objects, a_npz_of_objects])


@pytest.mark.parametrize("plant", [pickled, a_npy_of_objects])
def test_the_trap_goes_off_where_it_is_unpickled(plant, tmp_path):
    plant(Trap(tmp_path / "ran"), tmp_path / "file")
    if plant is pickled:
        pickle.loads((tmp_path / "file").read_bytes())
    else:
        np.load(tmp_path / "file", allow_pickle=True)
    assert (tmp_path / "ran").exists()


@ways
@pytest.mark.parametrize("form", ["npz", "hdf5"])
def test_under_the_name_of_an_array_file(form, plant, tmp_path):
    plant(Trap(tmp_path / "ran"), tmp_path / f"set.{form}")
    assert_refused(lambda: load_dataset(f"{form}:{tmp_path}/set.{form}"), tmp_path / "ran")


@pytest.mark.parametrize("name", [*arrays(), "test_index"])
def test_as_an_object_array_in_every_field_of_an_npz(name, tmp_path):
    trap = np.array([Trap(tmp_path / "ran"), None, None], dtype=object)
    np.savez(tmp_path / "set.npz", **{**arrays(), name: trap})
    line = assert_refused(lambda: load_dataset(f"npz:{tmp_path}/set.npz"), tmp_path / "ran")
    assert f"{name} holds Python objects" in line


@pytest.mark.parametrize("kind", ["opaque", "bytes", "vlen"])
@pytest.mark.parametrize("name", [*arrays()])
def test_as_bytes_in_every_field_of_an_hdf5_file(name, kind, tmp_path):
    content = pickle.dumps(Trap(tmp_path / "ran"))
    with h5py.File(tmp_path / "set.h5", "w") as file:
        for field, array in arrays().items():
            if field != name:
                file[field] = np.char.encode(array, "utf-8") if array.dtype.kind == "U" else array
        if kind == "vlen":
            data = file.create_dataset(name, (3,), h5py.vlen_dtype(np.uint8))
            data[0] = np.frombuffer(content, np.uint8)
        else:
            file[name] = np.void(content) if kind == "opaque" else np.frombuffer(content, np.uint8)
    assert_refused(lambda: load_dataset(f"hdf5:{tmp_path}/set.h5"), tmp_path / "ran")


@pytest.mark.parametrize("plant", [pickled, saved_by_torch, a_npy_of_objects])
@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("name", ["train", "test", "meta"])
def test_in_every_file_of_cifars_python_version(name, protocol, plant, tmp_path):
    files = {
        "train": batch(2, b"fine_labels", 2),
        "test": batch(2, b"fine_labels", 2),
        "meta": meta(2, b"fine_label_names"),
    }
    for each, content in files.items():
        (tmp_path / each).write_bytes(content)
    load_dataset(f"cifar:{tmp_path}")
    if plant is pickled:
        (tmp_path / name).write_bytes(pickle.dumps({b"data": Trap(tmp_path / "ran")}, protocol))
    else:
        plant(Trap(tmp_path / "ran"), tmp_path / name)
    assert_refused(lambda: load_dataset(f"cifar:{tmp_path}"), tmp_path / "ran")


@ways
def test_in_the_place_of_idx_files_cifar_records_images_and_plans(plant, tmp_path):
    trap = Trap(tmp_path / "ran")
    for name, content in zip(IDX_NAMES, idx_files(), strict=True):
        (tmp_path / name).write_bytes(content)
    plant(trap, tmp_path / IDX_NAMES[1])
    assert_refused(lambda: load_dataset(f"idx:{tmp_path}"), tmp_path / "ran")
    binary = tmp_path / "cifar"
    binary.mkdir()
    for name in ("train.bin", "test.bin", "fine_label_names.txt"):
        plant(trap, binary / name)
    assert_refused(lambda: load_dataset(f"cifar:{binary}"), tmp_path / "ran")
    for place in ("train/cat/a.png", "train/dog/a.png", "test/cat/a.png"):
        (tmp_path / "folder" / place).parent.mkdir(parents=True)
        plant(trap, tmp_path / "folder" / place)
    assert_refused(lambda: load_dataset(f"folder:{tmp_path}/folder"), tmp_path / "ran")
    plant(trap, tmp_path / "plan.toml")
    assert_refused(lambda: read_plan(tmp_path / "plan.toml"), tmp_path / "ran")


def run_with(tmp_path: Path, name: str) -> Path:
    """A run whose files are good; the path of the first that has `name` in it."""
    for place, content in good_run().items():
        path = tmp_path / "run" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return next(path for path in sorted((tmp_path / "run").rglob("*")) if path.is_file() and name in path.as_posix())


READ = {
    "/outcomes/": lambda run: read_outcome(run, plan(), TASK),
    "/dynamics/": lambda run: read_dynamics(run, plan(), TASK),
    "/proxies/": lambda run: read_proxies(run, plan(), TASK, GROUP, DIGEST),
    "examples.h5": lambda run: read_examples(run, plan().data.fingerprint),
    "images.npy": lambda run: open_images(run, read_examples(run, plan().data.fingerprint)),
    "score.h5": lambda run: read_results(run, "score", plan()),
    "/weights/": lambda run: read_weights(run, plan(), TASK),
}


@ways
@pytest.mark.parametrize("name", READ)
def test_in_the_place_of_every_file_of_a_run(name, plant, tmp_path):
    path = run_with(tmp_path, name)
    READ[name](tmp_path / "run")
    plant(Trap(tmp_path / "ran"), path)
    assert_refused(lambda: READ[name](tmp_path / "run"), tmp_path / "ran")


@pytest.mark.parametrize("name", ["/outcomes/", "/dynamics/", "/proxies/", "examples.h5", "score.h5"])
def test_as_an_object_inside_the_hdf5_files_of_a_run(name, tmp_path):
    path = run_with(tmp_path, name)
    with h5py.File(path, "r+") as file:
        group = file if "encoding-type" in file.attrs else next(iter(file.values()))
        field = next(field for field in ("predicted_train", "log_odds", "el2n", "label", "score") if field in group)
        del group[field]
        group[field] = np.void(pickle.dumps(Trap(tmp_path / "ran")))
        del file.attrs["sealed"]  # as files from before seals; the seal would find it first
    assert "checksum" not in assert_refused(lambda: READ[name](tmp_path / "run"), tmp_path / "ran")


def test_in_the_metadata_of_weights(tmp_path):
    path = run_with(tmp_path, "/weights/")
    text = pickle.dumps(Trap(tmp_path / "ran"), 0).decode("latin-1")
    header = b'{"__metadata__": {"memscope": ' + repr(text).replace("'", '"').encode() + b"}}"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    assert_refused(lambda: READ["/weights/"](tmp_path / "run"), tmp_path / "ran")


def test_a_plan_that_names_code_runs_none_when_it_is_read(tmp_path):
    """A trainer or family of the user's own is imported when it is to train, not when its name is read."""
    from memscope.plan.plan_file import plan_to_toml

    (tmp_path / "trap.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'ran')!r})\ndef f(): ...\n")
    hostile = replace(plan(), family="trap:f", recipe=replace(plan().recipe, trainer="trap:f"))
    (tmp_path / "plan.toml").write_bytes(plan_to_toml(hostile))
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        assert read_plan(tmp_path / "plan.toml").family == "trap:f"
    finally:
        os.chdir(before)
    assert not (tmp_path / "ran").exists()
