"""How fields are written to HDF5, and those of all files but results, which are in reports/."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from memscope.analysis.proxies.catalogue import GROUPS as PROXY_GROUPS
from memscope.analysis.proxies.catalogue import PROXIES
from memscope.errors import FileError, NewerError, RunError
from memscope.files.guarded_hdf5 import check_attributes, values_of
from memscope.reports.results import RESULTS
from memscope.reports.stored import Field
from memscope.version import __version__

DAMAGE = (
    OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, MemoryError, IndexError, OverflowError,
)  # fmt: skip
"""What h5py raises, or we do while reading, if a file is damaged: flipped bytes were seen to cause each of them."""

ENCODING_VERSION = "1.1"
"""Written to every group. A reader refuses a larger major number. Version 1.1 added seals."""


OUTCOME = {
    "model": Field(("model",), "1", "number of the model, from 0; decides its subset and its random draws"),
    "in_subset": Field(("model", "byte"), "1", "training examples the model saw, bit-packed, little bit order"),
    "subset_digest": Field(("model",), "1", "SHA-256 of the model's row of in_subset"),
    "predicted_train": Field(("model", "train"), "class", "predicted class of every training example"),
    "predicted_test": Field(("model", "test"), "class", "predicted class of every test example"),
    "log_odds_train": Field(("model", "train"), "nat", "log p_y - log sum of the other classes, of the given label"),
    "log_odds_test": Field(("model", "test"), "nat", "the same for the test examples"),
    "epoch_loss": Field(("model", "epoch"), "nat", "mean training loss of each epoch"),
    "own_accuracy": Field(("model",), "1", "share of its own subset that the model fits"),
    "diverged": Field(("model",), "1", "1 where the loss became NaN or infinite; such a model is never scored"),
    "seconds": Field(("model",), "s", "wall-clock time of training and evaluation"),
    "evaluation_seconds": Field(("model",), "s", "part of it in evaluation; may be missing"),
    "teacher_seconds": Field(("model",), "s", "part of it in the teacher's forward passes; distilled models only"),
}

DYNAMICS = {
    "model": Field(("model",), "1", "number of the model, from 0"),
    "in_subset": Field(("model", "byte"), "1", "training examples the model saw, bit-packed, little bit order"),
    "correct": Field(("model", "epoch", "byte"), "1", "training examples that it had right after each epoch, likewise"),
    "log_odds": Field(
        ("model", "epoch", "train"), "nat", "log p_y - log sum of the other classes, of the given label, after it"
    ),
    "diverged": Field(("model",), "1", "1 where the loss became NaN or infinite; nothing is known from there on"),
    "seconds": Field(("model",), "s", "wall-clock time of recording"),
}

MEMORY = {
    "model": Field(("model",), "1", "number of the model whose residuals are held"),
    "predicted_train": Field(("model", "train"), "class", "class that ResMem predicts for every training example"),
    "predicted_test": Field(("model", "test"), "class", "class that ResMem predicts for every test example"),
    "residual": Field(("model", "train"), "1", "norm of onehot - softmax(logits) of every training example"),
    "retrieved": Field(("model", "train"), "1", "held-out training examples that have it among their k neighbours"),
    "weight": Field(("model", "train"), "1", "sum of the weights that those put on it"),
    "class_weight": Field(
        ("train", "class"), "1", "the same by class of the example asked for, summed over the models"
    ),
    "diverged": Field(("model",), "1", "1 where the model diverged and has no memory"),
}

MEMORY_GRID = {
    "model": Field(("model",), "1", "number of the model"),
    "accuracy": Field(("model", "k", "sigma", "temperature"), "1", "accuracy of ResMem on examples held out of it"),
    "base_accuracy": Field(("model",), "1", "accuracy of the model itself on them"),
    "queries": Field(("model",), "1", "how many they are"),
    "diverged": Field(("model",), "1", "1 where the model diverged and has no memory"),
}

PROXY = {
    "model": Field(("model",), "1", "number of the model that is asked"),
    **{
        name.replace("-", "_"): Field(("model", "train"), "1", f"{PROXIES[name].title}; NaN: not trained on it")
        for names in PROXY_GROUPS.values()
        for name in names
    },
}

MEMORABILITY = {
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "memorability": Field(("example",), "1", "how well people would remember the image, predicted; an order"),
}

EXAMPLES = {
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "index": Field(("example",), "1", "position of the training example in its source"),
    "name": Field(("example",), "1", "file name of the training example in its source, or empty"),
    "label": Field(("example",), "class", "label given to the models"),
    "true_label": Field(("example",), "class", "label before any was flipped"),
    "exact_group": Field(("example",), "1", "group of identical images, numbered over train and test; -1: none"),
    "near_group": Field(("example",), "1", "group of nearly identical images, likewise; -1: none"),
    "test_index": Field(("test",), "1", "position of the test example in its source"),
    "test_name": Field(("test",), "1", "file name of the test example in its source, or empty"),
    "test_label": Field(("test",), "class", "label of the test example"),
    "test_exact_group": Field(("test",), "1", "group of identical images"),
    "test_near_group": Field(("test",), "1", "group of nearly identical images"),
    "class_name": Field(("class",), "1", "name of the class"),
    "channel_mean": Field(("channel",), "pixel 0-255", "mean of the training pixels"),
    "channel_sd": Field(("channel",), "pixel 0-255", "standard deviation of the training pixels"),
}

GROUPS = {"examples": EXAMPLES} | {name: results.fields for name, results in RESULTS.items()}
"""Every group of `results/*.h5` and `trajectories.h5`, with its fields."""


def stamp_encoding(group: h5py.Group, encoding: str) -> None:
    """Record what a group is, in which version, and who wrote it."""
    group.attrs["encoding-type"] = encoding
    group.attrs["encoding-version"] = ENCODING_VERSION
    group.attrs["written-by"] = f"memscope {__version__}"


def check_encoding(group: h5py.Group, encoding: str, path: Path) -> None:
    """ValueError unless the group has this encoding; NewerError if its version is newer than we can read."""
    check_attributes(group)  # first of all, because the attributes of a damaged file are not safe to read
    found = str(group.attrs.get("encoding-type", "nothing"))
    version = str(group.attrs.get("encoding-version", "0"))
    if found != encoding:
        raise ValueError(f"expected encoding {encoding}, found {found}")
    if int(version.split(".")[0]) > int(ENCODING_VERSION.split(".")[0]):
        raise NewerError(
            f"{path} has format version {version}; this memscope reads up to {ENCODING_VERSION}; upgrade memscope"
        )


def damage(run: Path, path: Path, error: Exception, again: str) -> RunError:
    """The error for a file of a run that cannot be read; a FileError if the file itself is at fault.

    `again` is the command that makes the file again.
    """
    found = " ".join(str(error).split())
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None):
        # a disk that does not answer, a permission, no memory: the file may be whole, and must not be moved aside
        return RunError(f"{path} cannot be read: {found or 'not enough memory'}; remove the cause and try again")
    return FileError(run, path, f"is damaged: {found}", again)


def check_stamp(run: Path, path: Path, name: str, expected: str, found: str, again: str) -> None:
    """FileError if a file was made for something else than what it is read for."""
    if expected != found:
        wrong = f"has {name} {shortened(found)}, expected {shortened(expected)}"
        raise FileError(run, path, f"{wrong}: it belongs to another plan, data set or task", again)


def shortened(text: str) -> str:
    """The beginning of a digest, or all of any other text, in one line."""
    return text[:12] if len(text) == 64 else " ".join(text.split())


def write_field(group: h5py.Group, name: str, values: np.ndarray | Sequence[str], field: Field) -> h5py.Dataset:
    """Write one dataset with its unit and description; text as variable-length UTF-8."""
    if isinstance(values, np.ndarray) and values.dtype.kind not in "OSU":
        # without HDF5's checksums: the file's seal covers every byte
        options = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        stored = group.create_dataset(name, data=values, **(options if values.size else {}))
    else:
        stored = group.create_dataset(name, data=list(values), dtype=h5py.string_dtype())
    stored.attrs["units"] = field.unit
    stored.attrs["long_name"] = field.description
    return stored


def array_of(data: h5py.Dataset) -> np.ndarray:
    """A dataset's values; text as str. ValueError if a damaged or hostile file declares what cannot be."""
    return values_of(data)


def check_dimensions(values: Mapping[str, np.ndarray], fields: Mapping[str, Field]) -> None:
    """ValueError unless arrays have the axes of their fields, and each dimension has one length throughout."""
    lengths: dict[str, int] = {}
    for name, array in values.items():
        if name not in fields:
            continue
        dims = fields[name].dims
        if np.ndim(array) != len(dims):
            raise ValueError(f"{name} has {np.ndim(array)} axes, expected {' x '.join(dims)}")
        for dim, length in zip(dims, array.shape, strict=True):
            if lengths.setdefault(dim, length) != length:
                raise ValueError(f"{name} has {length:,} along {dim}, expected {lengths[dim]:,}")


def write_group(group: h5py.Group, encoding: str, values: dict[str, np.ndarray | Sequence[str]]) -> None:
    """Write a whole results group: its fields, with HDF5 dimension scales, so that xarray can open it."""
    fields = GROUPS[group.name.strip("/").split("/")[-1]]
    stamp_encoding(group, encoding)
    for name, array in values.items():
        write_field(group, name, array, fields[name])
    lengths = {dim: group[name].shape[axis] for name in values for axis, dim in enumerate(fields[name].dims)}
    for dim, length in lengths.items():
        if dim not in group:
            scale = group.create_dataset(dim, data=np.arange(length, dtype=np.int64))
            scale.attrs["long_name"] = f"position along {dim}, from 0"
        group[dim].make_scale(dim)
    for name in values:
        for axis, dim in enumerate(fields[name].dims):
            if name != dim:
                group[name].dims[axis].attach_scale(group[dim])
