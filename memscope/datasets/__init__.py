"""Data sets: `load_dataset` turns what a user names into one frozen `ImageDataset`.

The loaders are imported when they are asked for, so that importing this package loads neither Pillow nor h5py.
"""

from pathlib import Path

from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import DataError, OptionError

__all__ = ["FORMS", "ImageDataset", "load_dataset"]

FORMS = {
    "fashion-mnist-5k": "the bundled set",
    "idx:DIR": "MNIST, Fashion-MNIST or EMNIST files",
    "cifar:DIR": "CIFAR-10 or CIFAR-100, binary or python version",
    "folder:DIR": "train/<class>/* and test/<class>/* or val/<class>/*",
    "npz:FILE": "train_images, train_labels, test_images, test_labels",
    "hdf5:FILE": "the same names as npz",
}


def load_dataset(
    spec: str,
    *,
    examples: int | None = None,
    label_noise: float = 0.0,
    data_seed: int = 0,
    image_size: int | None = None,
) -> ImageDataset:
    """Load the data set that `spec` names (one of `FORMS`), then sample it, then flip labels.

    `examples` keeps a class-balanced sample of the training set; `label_noise` is the fraction of the kept labels that
    is flipped; both depend on `data_seed` alone. `image_size` is a side in pixels; only `folder:` resizes.

    Raises `OptionError` for options that are not possible, `DataError` for data that is not as it should be.
    """
    from memscope.datasets.sampling import flip_labels, sample_examples

    if image_size is not None and image_size < 1:
        raise OptionError(f"the image size is {image_size}; it must be at least 1 pixel")
    try:
        dataset = _load(spec, image_size)
    except OSError as error:
        raise DataError(f"{spec}: cannot be read ({error}); check that it is there and may be read") from error
    except MemoryError as error:
        raise DataError(f"{spec}: needs more memory than there is; take fewer or smaller images") from error
    if image_size is not None and dataset.image_shape[:2] != (image_size, image_size):
        height, width, _ = dataset.image_shape
        raise OptionError(
            f"{spec}: its images are {height} x {width} and image size {image_size} was asked for; "
            "only folder: resizes, leave the image size out"
        )
    if examples is not None:
        dataset = sample_examples(dataset, examples, data_seed)
    return flip_labels(dataset, label_noise, data_seed)


def _load(spec: str, image_size: int | None) -> ImageDataset:
    form, colon, place = spec.partition(":")
    path = Path(place).expanduser()
    if spec == "fashion-mnist-5k":
        from memscope.datasets.bundled import load_bundled

        return load_bundled(spec)
    if not colon or not place:
        raise OptionError(_unknown(spec))
    if form == "idx":
        from memscope.datasets.idx import load_idx

        return load_idx(spec, path)
    if form == "cifar":
        from memscope.datasets.cifar import load_cifar

        return load_cifar(spec, path)
    if form == "folder":
        from memscope.datasets.folder import load_folder

        return load_folder(spec, path, image_size)
    if form == "npz":
        from memscope.datasets.npz import load_npz

        return load_npz(spec, path)
    if form == "hdf5":
        from memscope.datasets.hdf5 import load_hdf5

        return load_hdf5(spec, path)
    raise OptionError(_unknown(spec))


def _unknown(spec: str) -> str:
    message = f"unknown data set {spec!r}; the forms are " + ", ".join(FORMS)
    likely = _likely_form(Path(spec).expanduser()) if spec else None
    return f"{message}; did you mean {likely}:{spec} ?" if likely else message


def _likely_form(path: Path) -> str | None:
    """The prefix that a bare existing path probably wants; None where there is no such path."""
    if path.is_dir():
        names = {entry.name for entry in path.iterdir()}
        if any("idx3-ubyte" in name for name in names):
            return "idx"
        if any(name.startswith(("data_batch_1", "cifar-10")) for name in names) or {"train.bin", "meta"} & names:
            return "cifar"
        return "folder"
    if path.is_file():
        return "hdf5" if path.suffix.lower() in (".h5", ".hdf5") else "npz"
    return None
