"""`npz:FILE`: a NumPy archive with `train_images`, `train_labels`, `test_images` and `test_labels`.

Or with the names that others give (named_arrays.py). Optional: `class_names` (text), `train_index` and `test_index`
(each image's position in its source). Nothing is unpickled or evaluated, and each array's header is compared with the
archive and with the other arrays before any memory is allocated for it.
"""

import zipfile
from pathlib import Path

from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.named_arrays import NamedArray, Source, dataset_from_arrays
from memscope.datasets.reading import Reading
from memscope.errors import DataError
from memscope.files.kinds import instead
from memscope.files.limits import existing_file
from memscope.files.npz_member import DAMAGE, names_in, npz_member


def load_npz(spec: str, path: Path, reading: Reading) -> ImageDataset:
    """Read a data set from a NumPy archive."""
    existing_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            present = names_in(archive)
            if (other := _other_archive(archive)) is not None:
                raise DataError(f"{path}: found {other}")
            return dataset_from_arrays(spec, Source(path, present, lambda name: _array(path, archive, name)), reading)
    except DataError:
        raise
    except DAMAGE as error:
        raise DataError(
            f"{path}: cannot be read ({error}); expected a NumPy .npz archive, "
            f"{instead(path) or 'save it again with numpy.savez'}"
        ) from error


def _other_archive(archive: zipfile.ZipFile) -> str | None:
    """What a zip archive without arrays holds instead, and what to do about it."""
    names = archive.namelist()
    if any(name.endswith(".npy") for name in names):
        return None
    if any(name.endswith("/data.pkl") for name in names):
        return (
            "what torch.save writes, expected NumPy arrays; load it where you trust it and save its tensors with "
            "numpy.savez(FILE, images=DATA.numpy(), labels=TARGETS.numpy())"
        )
    picture = next((name for name in names if name.lower().endswith((".png", ".jpg", ".jpeg"))), None)
    return picture and (
        f"files such as {picture}, expected NumPy arrays; unpack it, and read what it holds as folder:DIR"
    )


def _array(path: Path, archive: zipfile.ZipFile, name: str) -> NamedArray:
    member = npz_member(path, archive, name)
    return NamedArray(member.header.dtype, member.header.shape, member.read)
