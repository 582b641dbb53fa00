"""The examples of a run: `examples.h5` (labels and identities) and `cache/images.npy` (the decoded images).

`examples.h5` is small and part of the run: scores, tables and exports need nothing else of the data set. The
images, train and test in one uint8 array [N + M, H, W, C], are memory-mapped by every worker, so
that memory holds them once. The file MAY be deleted; it is then made again from the source.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.datasets.duplicates import Duplicates
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import RunError
from memscope.files.atomic import writing
from memscope.files.npy_header import npy_header
from memscope.files.sealed import open_sealed, writing_sealed
from memscope.plan.plan import Plan
from memscope.store.format import (
    DAMAGE,
    EXAMPLES,
    array_of,
    check_dimensions,
    check_encoding,
    check_stamp,
    damage,
    write_group,
)


@dataclass(frozen=True, eq=False)
class Examples:
    """Labels and identity of N training and M test examples."""

    index: np.ndarray
    """int64 [N], position in the source"""
    names: tuple[str, ...] | None
    """N file names; None if the source has no files"""
    labels: np.ndarray
    """int64 [N], as given to the models"""
    true_labels: np.ndarray | None
    """int64 [N], before label noise; None if no label was flipped"""
    exact_group: np.ndarray
    """int32 [N], -1 where there is no identical image"""
    near_group: np.ndarray
    """int32 [N], -1 where there is no nearly identical image"""
    test_index: np.ndarray
    test_names: tuple[str, ...] | None
    test_labels: np.ndarray
    test_exact_group: np.ndarray
    test_near_group: np.ndarray
    near_searched: bool
    """Whether near-duplicates were searched for: they are up to a limit of examples"""
    class_names: tuple[str, ...]
    channel_mean: np.ndarray
    """float64 [C], of the training pixels (0 to 255)"""
    channel_sd: np.ndarray
    """float64 [C]"""
    image_shape: tuple[int, int, int]
    fingerprint: str

    @property
    def flipped(self) -> np.ndarray | None:
        """bool [N]: the label was flipped; None where there is no label noise."""
        return None if self.true_labels is None else self.true_labels != self.labels

    @property
    def shown_classes(self) -> np.ndarray:
        """int64 [N], what the images show: the labels before label noise."""
        return self.labels if self.true_labels is None else self.true_labels


@dataclass(frozen=True, eq=False)
class RunData:
    """The data set of a run in memory, for workers that are not to read it from the run's directory."""

    examples: Examples
    images: np.ndarray
    """uint8 [N + M, H, W, C], train before test"""


def channel_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel, float64 [C], of uint8 [N, H, W, C]; exact, from histograms."""
    levels = np.arange(256)
    counts = np.zeros((images.shape[-1], 256))
    for start in range(0, len(images), 4096):  # in parts: a copy of a whole memory-mapped array might not fit
        for channel, row in enumerate(counts):
            row += np.bincount(images[start : start + 4096, ..., channel].ravel(), minlength=256)
    mean = counts @ levels / counts.sum(1)
    variance = counts @ levels**2 / counts.sum(1) - mean**2
    return mean, np.sqrt(np.maximum(variance, 0))


def examples_path(run: Path) -> Path:
    return run / "examples.h5"


def again(run: Path) -> str:
    """The command that makes missing or damaged files again."""
    return f"memscope train-family {run} --data DATA"


def write_examples(run: Path, dataset: ImageDataset, duplicates: Duplicates) -> None:
    """Write `examples.h5` of a run."""
    mean, sd = channel_statistics(dataset.train_images)
    true_labels = dataset.train_labels if dataset.true_labels is None else dataset.true_labels
    with writing_sealed(examples_path(run)) as file:
        group = file.create_group("examples")
        group.attrs["data_fingerprint"] = dataset.fingerprint
        group.attrs["image_shape"] = dataset.image_shape
        group.attrs["labels_flipped"] = dataset.true_labels is not None
        group.attrs["near_searched"] = duplicates.near_searched
        group.attrs["has_names"] = dataset.train_names is not None
        group.attrs["has_test_names"] = dataset.test_names is not None
        write_group(
            group,
            "memscope-examples",
            {
                "example": np.arange(len(dataset.train_labels)),
                "index": dataset.train_index,
                "name": dataset.train_names or [""] * len(dataset.train_labels),
                "label": dataset.train_labels,
                "true_label": true_labels,
                "exact_group": duplicates.train_exact,
                "near_group": duplicates.train_near,
                "test_index": dataset.test_index,
                "test_name": dataset.test_names or [""] * len(dataset.test_labels),
                "test_label": dataset.test_labels,
                "test_exact_group": duplicates.test_exact,
                "test_near_group": duplicates.test_near,
                "class_name": dataset.class_names,
                "channel_mean": mean,
                "channel_sd": sd,
            },
        )


def read_examples(run: Path, fingerprint: str) -> Examples:
    """The examples of a run whose plan has this data fingerprint; RunError if they are missing or damaged."""
    path = examples_path(run)
    if not path.is_file():
        raise RunError(f"{path} does not exist; expected the labels of the run's examples; {again(run)} makes it again")
    try:
        with open_sealed(path) as file:
            group = file["examples"]
            check_encoding(group, "memscope-examples", path)
            attributes = dict(group.attrs)
            values = {name: array_of(data) for name, data in group.items()}
        check_dimensions(values, EXAMPLES)
        height, width, channels = (int(length) for length in attributes["image_shape"])
        if channels != len(values["channel_mean"]):
            raise ValueError(f"images of {channels} channels have {len(values['channel_mean'])} channel means")
        examples = Examples(
            index=values["index"],
            names=tuple(values["name"]) if attributes["has_names"] else None,
            labels=values["label"],
            true_labels=values["true_label"] if attributes["labels_flipped"] else None,
            exact_group=values["exact_group"],
            near_group=values["near_group"],
            test_index=values["test_index"],
            test_names=tuple(values["test_name"]) if attributes["has_test_names"] else None,
            test_labels=values["test_label"],
            test_exact_group=values["test_exact_group"],
            test_near_group=values["test_near_group"],
            near_searched=bool(attributes["near_searched"]),
            class_names=tuple(values["class_name"]),
            channel_mean=values["channel_mean"],
            channel_sd=values["channel_sd"],
            image_shape=(height, width, channels),
            fingerprint=str(attributes["data_fingerprint"]),
        )
    except DAMAGE as error:
        raise damage(run, path, error, again(run)) from error
    check_stamp(run, path, "data fingerprint", fingerprint, examples.fingerprint, again(run))
    return examples


def image_cache(run: Path) -> Path:
    return run / "cache" / "images.npy"


def cache_images(run: Path, dataset: ImageDataset) -> None:
    """Write the images of a data set, train before test, to the run's cache."""
    shape = (len(dataset.train_images) + len(dataset.test_images), *dataset.image_shape)
    with writing(image_cache(run)) as file:
        # not through a memory map: on a full disk that would end in SIGBUS, not in an error
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for images in (dataset.train_images, dataset.test_images):
            file.write(np.ascontiguousarray(images).data)


def open_images(run: Path, examples: Examples) -> np.ndarray:
    """The cached images, uint8 [N + M, H, W, C], memory-mapped; RunError if they are missing or cut short."""
    path = image_cache(run)
    if not path.is_file():
        raise RunError(f"{path} does not exist; expected the run's decoded images; {again(run)} makes it again")
    expected = (len(examples.labels) + len(examples.test_labels), *examples.image_shape)
    try:
        with path.open("rb") as file:
            header = npy_header(file)
        if header.shape != expected or header.dtype != np.uint8 or header.fortran_order:
            raise ValueError(f"expected uint8 {expected}, found {header.dtype} {header.shape}")
        if path.stat().st_size < header.length + header.nbytes:  # a memory map would make the file longer
            raise ValueError(f"found {path.stat().st_size:,} bytes, expected {header.length + header.nbytes:,}")
        # copy-on-write: torch asks for writable memory, and nothing ever reaches the file
        return np.memmap(path, dtype=np.uint8, mode="c", offset=header.length, shape=header.shape)
    except (OSError, ValueError) as error:
        raise damage(run, path, error, again(run)) from error


def check_images(run: Path, plan: Plan) -> None:
    """FileError unless the cached images are, to the last bit, those of the plan's data."""
    examples = read_examples(run, plan.data.fingerprint)
    found = open_dataset(run, examples, plan.data.spec).fingerprint
    check_stamp(run, image_cache(run), "data fingerprint", plan.data.fingerprint, found, again(run))


def read_data(run: Path, fingerprint: str) -> RunData:
    """The data set of a run whose plan has this fingerprint, its images memory-mapped; RunError as for its parts."""
    examples = read_examples(run, fingerprint)
    # a plain array is handed to other processes as it lies; a memory map would be copied by pickling
    return RunData(examples, np.asarray(open_images(run, examples)))


def open_dataset(run: Path, examples: Examples, spec: str) -> ImageDataset:
    """The data set of a run, its images memory-mapped from the cache."""
    return dataset_of(RunData(examples, open_images(run, examples)), spec)


def dataset_of(data: RunData, spec: str) -> ImageDataset:
    """The same for a data set in memory."""
    examples, images = data.examples, data.images
    images.flags.writeable = False  # a user's own training must not change what later models see
    count = len(examples.labels)
    return ImageDataset(
        spec=spec,
        train_images=images[:count],
        train_labels=examples.labels,
        test_images=images[count:],
        test_labels=examples.test_labels,
        class_names=examples.class_names,
        train_index=examples.index,
        test_index=examples.test_index,
        train_names=examples.names,
        test_names=examples.test_names,
        true_labels=examples.true_labels,
    )
