"""The files of a run that somebody else has made, of every kind but memories: bytes damaged."""

import pickle
import shutil
import struct
import tempfile
from functools import cache
from pathlib import Path
from random import Random

import h5py
import numpy as np

from fuzz.damage import damaged
from fuzz.hdf5_files import put
from fuzz.pickles import malicious
from memscope.analysis.proxies.catalogue import GROUPS
from memscope.datasets.duplicates import Duplicates
from memscope.datasets.image_dataset import ImageDataset
from memscope.files.atomic import write_atomically
from memscope.plan.plan import DataChoice, Plan
from memscope.plan.recipe import Recipe
from memscope.store.dynamics import Dynamics, checkpoints_path, dynamics_path, pack_checkpoints, pack_dynamics
from memscope.store.examples import cache_images, write_examples
from memscope.store.ledger import Outcome, Task, write_outcome
from memscope.store.memorability import predicting, write_memorability
from memscope.store.proxies import MeasuredProxies, pack_proxies, proxy_path
from memscope.store.results import write_results
from memscope.store.weights import pack_weights, weights_path

TASK = Task("onehot", 2, 0, 5)
GROUP = "el2n"
PREDICTING = predicting("resmem", "0" * 64)
DIGEST = "0" * 64
"""Of the outcome for which proxies say that they were measured."""


@cache
def dataset() -> ImageDataset:
    images = (np.arange(20 * 4 * 4 * 3) % 251).astype(np.uint8).reshape(20, 4, 4, 3)
    labels = np.arange(20) % 2
    names = ("cat", "dog")
    return ImageDataset("npz:x", images, labels, images[:4], labels[:4], names, np.arange(20), np.arange(4))


@cache
def plan() -> Plan:
    choice = DataChoice("npz:x", dataset().fingerprint)
    return Plan(choice, "mlp", "width", None, (2,), 10, 0.7, 0, "float32", Recipe(), 5)


@cache
def good_run() -> dict[str, bytes]:
    """The files of a small run by their names."""
    with tempfile.TemporaryDirectory() as name:
        run, none = Path(name), np.full(20, -1, np.int32)
        write_examples(run, dataset(), Duplicates(none, none[:4], none, none[:4], True))
        cache_images(run, dataset())
        subset = np.stack([plan().subset(20, model) for model in TASK.models])
        zeros = np.zeros((5, 20), np.uint8)
        floats = np.zeros((5, 20), np.float16)
        few = np.zeros(5, np.float32)
        write_outcome(
            run, plan(), TASK,
            Outcome(subset, zeros, zeros[:, :4], floats, floats[:, :4], np.zeros((5, 3), np.float32), few, few > 0, few, {"device": "cpu"}),
        )  # fmt: skip
        epochs = np.zeros((5, plan().recipe.epochs, 20))
        recorded = Dynamics(subset, epochs > 0, epochs.astype(np.float16), few > 0, few)
        write_atomically(dynamics_path(run, plan(), TASK), pack_dynamics(plan(), TASK, recorded))
        measured = MeasuredProxies({name: floats.astype(np.float32) for name in GROUPS[GROUP]})
        write_atomically(proxy_path(run, plan(), TASK, GROUP), pack_proxies(plan(), TASK, GROUP, measured, DIGEST))
        write_memorability(run, plan().data.fingerprint, PREDICTING, range(20), floats[0], "resmem 1.1.6")
        points = {model: {1: {"a.weight": np.ones((3, 2), np.float32)}} for model in TASK.models}
        write_atomically(checkpoints_path(run, plan(), TASK), pack_checkpoints(plan(), TASK, points))
        weights = {f"{model:05d}/a.weight": np.ones((3, 2), np.float32) for model in TASK.models}
        write_atomically(weights_path(run, plan(), TASK), pack_weights(plan(), TASK, weights))
        (run / "plan.toml").write_text("")
        write_results(run, plan(), "score", {"size": np.array([2]), "score": np.zeros((1, 20))}, "state", {"a": 1})
        shutil.rmtree(run / "figures", ignore_errors=True)
        return {
            path.relative_to(run).as_posix(): path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()
        }


@cache
def unsealed_run() -> dict[str, bytes]:
    """The same as from before seals, which would find nearly all damage before HDF5 sees any of it."""
    files = {}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "file.h5"
        for place, content in good_run().items():
            path.write_bytes(content)
            if place.endswith(".h5"):
                with h5py.File(path, "r+") as file:  # which cuts the seal off
                    del file.attrs["sealed"]
            files[place] = path.read_bytes()
    return files


def write_run(random: Random, directory: Path) -> str:
    """A run of which one file is damaged, holds something else, or is a pickle; nine of ten without seals."""
    files = dict(good_run() if random.random() < 0.1 else unsealed_run())
    name = random.choice([name for name in files if name not in ("plan.toml", "trajectories.h5")])
    chance = random.random()
    if chance < 0.05:
        files[name] = random.choice((pickle.dumps(malicious()), pickle.dumps([malicious()], 0), b"", b"PK\x03\x04"))
    elif chance < 0.3 and name.endswith(".safetensors"):
        files[name] = hostile_weights(random, files[name])
    elif chance < 0.95 or not name.endswith(".h5"):
        files[name] = damaged(random, files[name], head=random.choice((100, 2500)))
    for place, content in files.items():
        path = directory / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if chance >= 0.95 and name.endswith(".h5"):
        replace_dataset(random, directory / name, directory)
    return str(directory)


def replace_dataset(random: Random, path: Path, outside: Path) -> None:
    """Another dataset, or attribute, in the place of one of a file's own."""
    with h5py.File(path, "r+") as file:
        group = file if "encoding-type" in file.attrs else next(iter(file.values()))
        if random.random() < 0.3:
            group.attrs[random.choice(list(group.attrs))] = random.choice(
                (1, "x\x1b[31m\n", [1, 2], np.zeros(3), "[" * 3000, "999.0", "nan.0")
            )
            return
        name = random.choice(list(group))
        values = group[name][()] if group[name].dtype.kind != "O" else np.zeros(12, np.uint8)
        del group[name]
        try:
            put(random, group, name, np.asarray(values), outside)
        except (ValueError, TypeError, OSError, RuntimeError, KeyError):
            return


def hostile_weights(random: Random, whole: bytes) -> bytes:
    """A safetensors file with a header that is none."""
    headers = (
        b"[" * 100_000, b"{}", b"[]", b"1", b'{"__metadata__": {"memscope": "[1]"}}', b'{"__metadata__": {"memscope": "' + b"[" * 5000 + b'"}}',
        b'{"__metadata__": {"memscope": "nan"}}', b'{"00000/a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}',
        b'{"00000/a": {"dtype": "F32", "shape": [4611686018427387904, 4], "data_offsets": [0, 0]}}',
        b'{"00000/a": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}',
        b'{"x": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}', b'{"9/\\n": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}',
        b'{"00000/1/a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": {"memscope": "{}"}}',
        b'{"00000": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": {"memscope": "[]"}}',
        b'{"' + b"9" * 5000 + b'/x": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}',
        b'{"00000/a": {"dtype": "F64", "shape": [0, 18446744073709551615], "data_offsets": [0, 0]}}',
    )  # fmt: skip
    header = random.choice(headers)
    length = random.choice((len(header), len(header), 2**40, 2**64 - 1))
    return struct.pack("<Q", length) + header + bytes(random.choice((0, 2, 100)))
