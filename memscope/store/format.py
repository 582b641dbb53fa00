"""Names, units, dimensions and versions of every field that memscope writes to HDF5. docs/format.md tells the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from memscope.errors import FileError, NewerError, RunError
from memscope.files.guarded_hdf5 import check_attributes, values_of
from memscope.version import __version__

DAMAGE = (
    OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, MemoryError, IndexError, OverflowError,
)  # fmt: skip
"""What h5py raises, or we do while reading, where a file is damaged: flipped bytes were seen to give each of them."""

ENCODING_VERSION = "1.1"
"""Written to every group. A reader refuses a greater major number. 1.1 added seals."""


@dataclass(frozen=True)
class Field:
    """One dataset of a file: its dimensions by name, its unit and what it is."""

    dims: tuple[str, ...]
    unit: str
    description: str


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

SIZE_EXAMPLE = ("size", "example")
SCORE = {
    "size": Field(("size",), "1", "width or depth of the models"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "score": Field(SIZE_EXAMPLE, "1", "Feldman memorisation score: accuracy_in - accuracy_out"),
    "standard_error": Field(SIZE_EXAMPLE, "1", "standard error of score"),
    "interval_low": Field(SIZE_EXAMPLE, "1", "lower end of the 95 % interval of score"),
    "interval_high": Field(SIZE_EXAMPLE, "1", "upper end of the 95 % interval of score"),
    "accuracy_in": Field(SIZE_EXAMPLE, "1", "share of the models trained with the example that are right on it"),
    "accuracy_out": Field(SIZE_EXAMPLE, "1", "share of the models trained without it that are right on it"),
    "n_in": Field(SIZE_EXAMPLE, "1", "models trained with the example"),
    "n_out": Field(SIZE_EXAMPLE, "1", "models trained without it"),
    "soft_score": Field(SIZE_EXAMPLE, "1", "the score with the probability of the label in place of 0 or 1"),
    "soft_standard_error": Field(SIZE_EXAMPLE, "1", "standard error of soft_score"),
    "probability_in": Field(SIZE_EXAMPLE, "1", "mean probability of the label, models trained with the example"),
    "probability_out": Field(SIZE_EXAMPLE, "1", "mean probability of the label, models trained without it"),
    "suggested_label": Field(SIZE_EXAMPLE, "class", "most frequent prediction of the models trained without it"),
    "suggested_share": Field(SIZE_EXAMPLE, "1", "share of those models that predict suggested_label"),
    "population_score": Field(SIZE_EXAMPLE, "1", "empirical-Bayes estimate of score, beside it and never instead"),
    "population_score_sd": Field(SIZE_EXAMPLE, "1", "posterior standard deviation of population_score"),
    "population_accuracy_in": Field(SIZE_EXAMPLE, "1", "empirical-Bayes estimate of accuracy_in"),
    "population_accuracy_out": Field(SIZE_EXAMPLE, "1", "empirical-Bayes estimate of accuracy_out"),
    "models_used": Field(("size",), "1", "models that the scores of this size come from"),
    "models_diverged": Field(("size",), "1", "models left out because their loss became NaN or infinite"),
    "own_accuracy": Field(("size",), "1", "median over models of the share of its own subset that a model fits"),
    "test_accuracy": Field(("size",), "1", "mean over models of the accuracy on the test examples"),
}

TRAJECTORIES = {
    "size": Field(("size",), "1", "width or depth of the models"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "type": Field(("type",), "1", "types of trajectory, in the order of probability"),
    "raw_type": Field(("example",), "1", "type of the estimated trajectory, by the rule alone"),
    "called_type": Field(("example",), "1", "type called with the stated confidence, undetermined or undefined"),
    "probability": Field(("example", "type"), "1", "posterior probability of each type"),
    "population_type": Field(("example",), "1", "type called by the population estimate, undetermined or undefined"),
    "population_probability": Field(("example", "type"), "1", "probability of each type by the population estimate"),
    "rise": Field(("example",), "1", "largest increase of the score from a smaller to a larger size"),
    "rise_from_in": Field(("example",), "1", "part of rise that comes from accuracy in"),
    "rise_from_out": Field(("example",), "1", "part of rise that comes from accuracy out"),
    "fall": Field(("example",), "1", "largest decrease of the score from a smaller to a larger size"),
    "fall_from_in": Field(("example",), "1", "part of fall that comes from accuracy in"),
    "fall_from_out": Field(("example",), "1", "part of fall that comes from accuracy out"),
}

SETTING_SIZE = ("setting", "size")
SETTING_SIZE_EXAMPLE = (*SETTING_SIZE, "example")
DISTILL = {
    "setting": Field(("setting",), "1", "setting of distillation: its teacher, temperature and soft weight"),
    "size": Field(("size",), "1", "width or depth of the students"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "teacher": Field(("setting",), "1", "width or depth of the teacher"),
    "temperature": Field(("setting",), "1", "temperature of both softmaxes"),
    "soft_weight": Field(("setting",), "1", "weight of the teacher's part of the loss"),
    "teacher_on": Field(("setting",), "1", "subset: the teacher saw the student's subset; full: all the data"),
    "score": Field(SETTING_SIZE_EXAMPLE, "1", "memorisation score of the students"),
    "standard_error": Field(SETTING_SIZE_EXAMPLE, "1", "standard error of score"),
    "accuracy_in": Field(SETTING_SIZE_EXAMPLE, "1", "share of the students trained with the example right on it"),
    "accuracy_out": Field(SETTING_SIZE_EXAMPLE, "1", "share of the students trained without it right on it"),
    "onehot_score": Field(SETTING_SIZE_EXAMPLE, "1", "score of the one-hot models of the same numbers"),
    "onehot_standard_error": Field(SETTING_SIZE_EXAMPLE, "1", "standard error of onehot_score"),
    "onehot_accuracy_in": Field(SETTING_SIZE_EXAMPLE, "1", "accuracy_in of those one-hot models"),
    "onehot_accuracy_out": Field(SETTING_SIZE_EXAMPLE, "1", "accuracy_out of those one-hot models"),
    "test_accuracy": Field(SETTING_SIZE, "1", "mean over the students of the accuracy on the test examples"),
    "onehot_test_accuracy": Field(SETTING_SIZE, "1", "the same of those one-hot models"),
    "models_used": Field(SETTING_SIZE, "1", "pairs of student and one-hot model that the numbers come from"),
    "histogram": Field(
        (*SETTING_SIZE, "onehot_bin", "distilled_bin"), "1", "examples by one-hot score and distilled score"
    ),
    "histogram_edge": Field(("edge",), "1", "edges of the histogram's bins, the same on both axes"),
    "raw_type": Field(("setting", "example"), "1", "type of the students' trajectory by the rule alone, or empty"),
    "called_type": Field(("setting", "example"), "1", "called type of the students' trajectory, or empty"),
}

RESMEM = {
    "size": Field(("size",), "1", "width or depth of the models"),
    "example": Field(("example",), "1", "position of the training example in the run, from 0"),
    "k": Field(("size",), "1", "neighbours in the residual memory"),
    "sigma": Field(("size",), "distance", "scale of the weights of the neighbours"),
    "temperature": Field(("size",), "1", "temperature of the softmax"),
    "score": Field(SIZE_EXAMPLE, "1", "memorisation score of ResMem: accuracy_in - accuracy_out"),
    "standard_error": Field(SIZE_EXAMPLE, "1", "standard error of score"),
    "accuracy_in": Field(SIZE_EXAMPLE, "1", "share of the memories that hold the example right on it"),
    "accuracy_out": Field(SIZE_EXAMPLE, "1", "share of the memories without it right on it"),
    "base_score": Field(SIZE_EXAMPLE, "1", "score of the models under the memories, the same ones"),
    "base_accuracy_in": Field(SIZE_EXAMPLE, "1", "accuracy_in of those models"),
    "base_accuracy_out": Field(SIZE_EXAMPLE, "1", "accuracy_out of those models"),
    "residual_in": Field(SIZE_EXAMPLE, "1", "mean norm of onehot - softmax(logits), models trained with the example"),
    "residual_out": Field(SIZE_EXAMPLE, "1", "mean norm of onehot - softmax(logits), models trained without it"),
    "retrieved": Field(SIZE_EXAMPLE, "1", "held-out training examples that have it among their k neighbours, mean"),
    "weight": Field(SIZE_EXAMPLE, "1", "sum of the weights that those put on it, mean over the memories that hold it"),
    "weight_own_class": Field(SIZE_EXAMPLE, "1", "share of the weight by examples of its own label"),
    "weight_class": Field(SIZE_EXAMPLE, "class", "label of those that put most weight on it; -1: not known"),
    "weight_class_share": Field(SIZE_EXAMPLE, "1", "share of the weight by examples of label weight_class"),
    "flip_in": Field(SIZE_EXAMPLE, "1", "share of the memories that hold it that turn wrong into right"),
    "flip_out": Field(SIZE_EXAMPLE, "1", "share of the memories without it that turn wrong into right"),
    "harm_in": Field(SIZE_EXAMPLE, "1", "share of the memories that hold it that turn right into wrong"),
    "harm_out": Field(SIZE_EXAMPLE, "1", "share of the memories without it that turn right into wrong"),
    "models_used": Field(("size",), "1", "models whose memories the numbers come from"),
    "test_accuracy": Field(("size",), "1", "mean over the memories of the accuracy on the test examples"),
    "base_test_accuracy": Field(("size",), "1", "the same of the models under them"),
    "grid_k": Field(("k_tried",), "1", "values of k that were tried"),
    "grid_sigma": Field(("sigma_tried",), "distance", "values of sigma that were tried"),
    "grid_temperature": Field(("temperature_tried",), "1", "values of temperature that were tried"),
    "grid_accuracy": Field(
        ("size", "k_tried", "sigma_tried", "temperature_tried"), "1", "mean accuracy on held-out training examples"
    ),
    "foretells": Field(("size", "larger_size"), "1", "rank correlation of residual_in with the score at a larger size"),
    "foretells_low": Field(("size", "larger_size"), "1", "lower end of its 95 % interval"),
    "foretells_high": Field(("size", "larger_size"), "1", "upper end of its 95 % interval"),
}

GROUPS = {
    "examples": EXAMPLES,
    "score": SCORE,
    "trajectories": TRAJECTORIES,
    "resmem": RESMEM,
    "distill": DISTILL,
}
"""Every group of `results/*.h5` and `trajectories.h5`, with its fields."""


def stamp_encoding(group: h5py.Group, encoding: str) -> None:
    """Say what a group is, in which version, and who wrote it."""
    group.attrs["encoding-type"] = encoding
    group.attrs["encoding-version"] = ENCODING_VERSION
    group.attrs["written-by"] = f"memscope {__version__}"


def check_encoding(group: h5py.Group, encoding: str, path: Path) -> None:
    """ValueError unless the group is of this encoding; NewerError where it is of a newer version than we can read."""
    check_attributes(group)  # of a damaged file they are not safe to read, and this is what readers do first
    found = str(group.attrs.get("encoding-type", "nothing"))
    version = str(group.attrs.get("encoding-version", "0"))
    if found != encoding:
        raise ValueError(f"expected encoding {encoding}, found {found}")
    if int(version.split(".")[0]) > int(ENCODING_VERSION.split(".")[0]):
        raise NewerError(
            f"{path} has format version {version}; this memscope reads up to {ENCODING_VERSION}; upgrade memscope"
        )


def damage(run: Path, path: Path, error: Exception, again: str) -> RunError:
    """The error for a file of a run that cannot be read; a FileError where it is the file's own fault.

    `again` is the command that makes it again.
    """
    found = " ".join(str(error).split())
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None):
        # a disk that does not answer, a permission, no memory: the file may be whole, and is not to be moved aside
        return RunError(f"{path} cannot be read: {found or 'not enough memory'}; remove the cause and try again")
    return FileError(run, path, f"is damaged: {found}", again)


def check_stamp(run: Path, path: Path, name: str, expected: str, found: str, again: str) -> None:
    """FileError where a file was made for something else than it is read for."""
    if expected != found:
        wrong = f"has {name} {shortened(found)}, expected {shortened(expected)}"
        raise FileError(run, path, f"{wrong}: it belongs to another plan, data set or task", again)


def shortened(text: str) -> str:
    """The beginning of a digest, and anything else whole, in one line."""
    return text[:12] if len(text) == 64 else " ".join(text.split())


def write_field(group: h5py.Group, name: str, values: np.ndarray | Sequence[str], field: Field) -> h5py.Dataset:
    """Write one dataset with its unit and description; text as variable-length UTF-8."""
    if isinstance(values, np.ndarray) and values.dtype.kind not in "OSU":
        # no checksums of HDF5's: the file's seal covers every byte
        options = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        stored = group.create_dataset(name, data=values, **(options if values.size else {}))
    else:
        stored = group.create_dataset(name, data=list(values), dtype=h5py.string_dtype())
    stored.attrs["units"] = field.unit
    stored.attrs["long_name"] = field.description
    return stored


def array_of(data: h5py.Dataset) -> np.ndarray:
    """A dataset's values; text as str. ValueError for what a damaged or hostile file says it is."""
    return values_of(data)


def check_dimensions(values: Mapping[str, np.ndarray], fields: Mapping[str, Field]) -> None:
    """ValueError unless arrays have the axes of their fields, and equal dimensions are equally long."""
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
