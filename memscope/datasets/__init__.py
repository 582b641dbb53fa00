"""Data sets: `load_dataset` turns what a user names into one frozen `ImageDataset`.

The loaders are imported when they are asked for, so that importing this package loads neither Pillow nor h5py.
"""

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

import numpy as np

from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.reading import FIRST_RULES, NEWEST_RULES, Reading, warn
from memscope.errors import LONGEST, DataError, OptionError
from memscope.files.places import at_home, found_place, split_spec
from memscope.text import abridged, composed, printable

__all__ = ["FORMS", "ImageDataset", "load_dataset"]

FORMS = {
    "fashion-mnist-5k": "the bundled set",
    "idx:DIR": "MNIST, Fashion-MNIST or EMNIST files",
    "cifar:DIR": "CIFAR-10 or CIFAR-100, binary or python version",
    "folder:DIR": "a folder of images for every class, perhaps inside train/ and test/ or val/",
    "npz:FILE": "train_images, train_labels, test_images, test_labels, or the names that Keras and others give",
    "hdf5:FILE": "the same names as npz",
    "torchvision:NAME[:ROOT]": "CIFAR10, MNIST, SVHN, ... as torchvision leaves them below ROOT",
    "hf:DIR": "a data set saved by Hugging Face's datasets, or Parquet files",
}

LOADERS = {
    "idx": "memscope.datasets.idx:load_idx",
    "cifar": "memscope.datasets.cifar:load_cifar",
    "folder": "memscope.datasets.folder:load_folder",
    "npz": "memscope.datasets.npz:load_npz",
    "hdf5": "memscope.datasets.hdf5:load_hdf5",
    "torchvision": "memscope.datasets.torchvision_sets:load_torchvision",
    "hf": "memscope.datasets.hugging_face:load_hugging_face",
}
"""Of each form a function `(spec, path, reading)` that gives all examples, with no test set where there is none."""

DARK = 63
"""Grey level. Pictures of 8 bits none of which is brighter were probably stored with fewer."""


def load_dataset(
    spec: str,
    *,
    examples: int | None = None,
    label_noise: float = 0.0,
    data_seed: int = 0,
    image_size: int | None = None,
    test_share: float | None = None,
    split_seed: int = 0,
    skip_unreadable: bool = False,
    reading: int = NEWEST_RULES,
    say: Callable[[str], None] = warn,
) -> ImageDataset:
    """Load the data set that `spec` names (one of `FORMS`), hold out a test set if it has none, sample it, flip labels.

    `examples` keeps a class-balanced sample of the training set; `label_noise` is the fraction of the kept labels that
    is flipped; both depend on `data_seed` alone. `image_size` is a side in pixels; only `folder:` and `hf:` resize.
    `test_share`, 0.2 unless given, is the share of each class that becomes the test set of a source without one; it
    depends on `split_seed` and the pixels. `skip_unreadable` goes on without the files of a folder that cannot be
    read. `reading` is the number of the rules of reading (docs/format.md), and `say` takes what is remarkable about
    what was read, a line each, which is a warning unless given.

    Raises `OptionError` for options that are not possible, `DataError` for data that is not as it should be.
    """
    from memscope.datasets.held_out import TEST_SHARE, hold_out_test_set

    def tell(line: str) -> None:  # names of files and classes are in it
        say(abridged(printable(line), LONGEST))

    if image_size is not None and image_size < 1:
        raise OptionError(f"the image size is {image_size}; it must be at least 1 pixel")
    if not FIRST_RULES <= reading <= NEWEST_RULES:
        raise OptionError(f"the rules of reading are {reading}; this memscope knows {FIRST_RULES} to {NEWEST_RULES}")
    try:
        dataset = _load(spec, Reading(reading, image_size, skip_unreadable, tell))
        if reading > FIRST_RULES:
            dataset = with_composed_names(dataset)
        if len(dataset.test_labels) == 0:
            dataset = hold_out_test_set(dataset, TEST_SHARE if test_share is None else test_share, split_seed)
            tested, total = len(dataset.test_labels), len(dataset.test_labels) + len(dataset.train_labels)
            tell(
                f"{spec} has no test set: {tested:,} of its {total:,} images are kept for testing and get no scores; "
                f"each had a chance of {dataset.test_share:g}, by its pixels (--test-share, --split-seed)"
            )
        elif test_share is not None:
            raise OptionError(f"{spec} has a test set of its own; leave the test share out")
    except OSError as error:
        raise DataError(f"{spec}: cannot be read ({error}); check that it is there and may be read") from error
    except MemoryError as error:
        raise DataError(f"{spec}: needs more memory than there is; take fewer or smaller images") from error
    if image_size is not None and dataset.image_shape[:2] != (image_size, image_size):
        height, width, _ = dataset.image_shape
        raise OptionError(
            f"{spec}: its images are {height} x {width} and image size {image_size} was asked for; "
            "only folder: and hf: resize, leave the image size out"
        )
    if (greatest := int(dataset.train_images.max())) <= DARK:
        tell(
            f"{spec}: the greatest value of its training images is {greatest} of 255"
            + (", as if values from 0 to 1 had been cast to whole numbers" if greatest <= 1 else "")
            + "; memscope takes them as they are; scale them to 0..255 if that was not meant"
        )
    return sampled_and_flipped(dataset, examples, label_noise, data_seed, reading)


def sampled_and_flipped(
    dataset: ImageDataset, examples: int | None, label_noise: float, data_seed: int, reading: int
) -> ImageDataset:
    """The sample of a whole data set, its labels flipped, as `load_dataset` has them."""
    from memscope.datasets.sampling import DRAWS, flip_labels, sample_examples

    if examples is not None:
        dataset = sample_examples(dataset, examples, data_seed)
    # by the first rules a draw was taken whatever it left of a class
    return flip_labels(dataset, label_noise, data_seed, 1 if reading == FIRST_RULES else DRAWS)


def _load(spec: str, reading: Reading) -> ImageDataset:
    if spec == "fashion-mnist-5k":
        from memscope.datasets.bundled import load_bundled

        return load_bundled(spec, reading)
    form, _, named = spec.partition(":")
    if not named or form not in LOADERS:
        raise OptionError(_unknown(spec))
    place = split_spec(spec)[1]
    module, _, function = LOADERS[form].partition(":")
    dataset: ImageDataset = getattr(import_module(module), function)(spec, found_place(place), reading)
    return dataset


def with_composed_names(dataset: ImageDataset) -> ImageDataset:
    """Its class names in Unicode's composed form (NFC), two that are then the same as one class.

    macOS, above all, writes decomposed letters.
    """
    forms = [composed(name) for name in dataset.class_names]
    names = list(dict.fromkeys(forms))
    number = np.array([names.index(name) for name in forms])
    return replace(
        dataset,
        class_names=tuple(names),
        train_labels=number[dataset.train_labels],
        test_labels=number[dataset.test_labels],
    )


def _unknown(spec: str) -> str:
    message = f"unknown data set {spec!r}; the forms are " + ", ".join(FORMS)
    likely = _likely_form(at_home(spec)) if spec else None
    if likely:
        return f"{message}; did you mean {likely}:{spec} ?"
    form, _, place = spec.partition(":")
    if place:
        close = [f"{name}:{place}" for name in get_close_matches(form, LOADERS, 1)]
    else:
        whole = [name for name in FORMS if ":" not in name]  # the bundled sets
        close = [name for name in whole if spec and name.startswith(spec)] or get_close_matches(spec, whole, 1)
    return f"{message}; did you mean {close[0]} ?" if close else message


def _likely_form(path: Path) -> str | None:
    """The prefix that a bare existing path probably wants; None where there is no such path."""
    if path.is_dir():
        names = {entry.name for entry in path.iterdir()}
        if {"dataset_dict.json", "state.json"} & names or any(name.endswith(".parquet") for name in names):
            return "hf"
        if any("idx3-ubyte" in name for name in names):
            return "idx"
        if any(name.startswith(("data_batch_1", "cifar-10")) for name in names) or {"train.bin", "meta"} & names:
            return "cifar"
        return "folder"
    if path.is_file():
        return {".h5": "hdf5", ".hdf5": "hdf5", ".parquet": "hf"}.get(path.suffix.lower(), "npz")
    return None
