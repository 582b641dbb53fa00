"""Make fashion-mnist-5k.npz from the four IDX files of Fashion-MNIST: `python data/make_fashion_mnist_5k.py`.

500 training and 200 test images of each class, chosen at random by a fixed stream and kept in source order. The
arrays are the same on every machine; the file's bytes may differ with the version of zlib.
"""

import argparse
import zipfile
from pathlib import Path

import numpy as np

from memscope.datasets import ImageDataset, load_dataset
from memscope.datasets.sampling import balanced_choice
from memscope.streams import permutation, stream

SOURCE = Path("/usr/share/datasets/fashion-mnist")  # Debian's package dataset-fashion-mnist
TRAIN, TEST = 5_000, 2_000


def chosen_arrays(source: ImageDataset) -> dict[str, np.ndarray]:
    """The arrays of the bundled file from the whole of Fashion-MNIST."""
    arrays = {"class_names": np.array(source.class_names)}
    parts = (
        ("train", source.train_images, source.train_labels, TRAIN),
        ("test", source.test_images, source.test_labels, TEST),
    )
    for part, images, labels, count in parts:
        order = permutation(stream(f"fashion-mnist-5k/{part}"), len(labels))
        kept = balanced_choice(labels, source.num_classes, count, order)
        arrays[f"{part}_images"] = images[kept, :, :, 0]
        arrays[f"{part}_labels"] = labels[kept].astype(np.uint8)
        arrays[f"{part}_index"] = kept.astype(np.int32)
    return arrays


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """As `numpy.savez_compressed`, but at zlib's best level and with a fixed date."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(2020, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", type=Path, default=SOURCE, help="directory of the four IDX files")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "fashion-mnist-5k.npz")
    options = parser.parse_args()
    write_npz(options.out, chosen_arrays(load_dataset(f"idx:{options.source}")))
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
