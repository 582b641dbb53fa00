"""`fashion-mnist-5k`: the real data set that comes with memscope; data/README.md in the source says more."""

from pathlib import Path

from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.npz import load_npz
from memscope.datasets.reading import Reading
from memscope.errors import DataError

FILE_NAME = "fashion-mnist-5k.npz"
ABOUT = {"fashion-mnist-5k": "5,000 training, 2,000 test images of clothes, 28 x 28 grey"}
"""Every bundled set, in a line"""


def bundled_path() -> Path:
    """Where the bundled file lies: inside an installed wheel, or in data/ of a source checkout."""
    package = Path(__file__).resolve().parent
    places = (package / "bundled" / FILE_NAME, package.parents[1] / "data" / FILE_NAME)
    for place in places:
        if place.is_file():
            return place
    raise DataError(f"{places[0]}: the bundled data set is missing, and so is {places[1]}; install memscope again")


def load_bundled(spec: str, reading: Reading) -> ImageDataset:
    """5,000 training and 2,000 test images of Fashion-MNIST, 28 x 28 grey, class-balanced, in source order."""
    return load_npz(spec, bundled_path(), reading)
