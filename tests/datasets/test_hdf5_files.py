"""What HDF5 alone has: links, groups, filters, chunks that were never written."""

import re
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from memscope.datasets import load_dataset
from memscope.errors import DataError
from tests.datasets.test_named_arrays import X_TEST, Y_TEST, X, Y, in_order

PLAIN = np.tile(np.arange(30, dtype=np.uint8), (600, 5, 1))[..., None].repeat(3, 3)
"""Images that every filter packs."""


def made(directory: Path, fill: Callable[[h5py.File], object]) -> str:
    with h5py.File(directory / "set.h5", "w") as file:
        fill(file)
    return f"hdf5:{directory}/set.h5"


def links(file: h5py.File) -> None:
    for name, values in {"x": X, "y": Y, "xt": X_TEST, "yt": Y_TEST}.items():
        file[f"stored/{name}"] = values
    file["train_images"] = h5py.SoftLink("/stored/x")
    file["train_labels"] = h5py.SoftLink("stored/labels")
    file["stored/labels"] = h5py.SoftLink("y")  # beside it
    file["test_images"] = file["stored/xt"]
    file["test_labels"] = h5py.SoftLink("/one")
    file["one"] = h5py.SoftLink("two/yt")
    file["two"] = h5py.SoftLink("stored/.")


def copies(file: h5py.File) -> None:
    """As h5py users link what lies in a group: two names for each array are no second data set."""
    for name, values in {"train_images": X, "train_labels": Y, "test_images": X_TEST, "test_labels": Y_TEST}.items():
        file[f"data/{name}"] = values
        file[f"other/{name}"] = h5py.SoftLink(f"/data/{name}")
    file["round"] = h5py.SoftLink("/round")
    file["again"] = file["data"]
    file["data/up"] = file["/"]
    file["elsewhere"] = h5py.ExternalLink("other.h5", "/")


@pytest.mark.parametrize("fill", [links, copies])
def test_links_inside_the_file_are_followed(fill, tmp_path):
    dataset = load_dataset(made(tmp_path, fill))
    assert (dataset.train_images[..., 0] == X).all()
    assert (dataset.train_labels == Y).all()
    assert (dataset.test_images[..., 0] == X_TEST).all()
    assert (dataset.test_labels == Y_TEST).all()


def test_a_file_of_matlab_is_told_that_its_pictures_may_lie_on_their_side(tmp_path):
    """MATLAB's [H, W, C, N] is [N, C, W, H] in HDF5, and its [N, 1] is [1, N]."""
    place = tmp_path / "set.mat"
    with h5py.File(place, "w", userblock_size=512) as file:
        file["X"], file["y"] = X[:, None].swapaxes(2, 3), Y[None].astype(float)
    with place.open("r+b") as bare:
        bare.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(128))
    said: list[str] = []
    dataset = load_dataset(f"hdf5:{place}", say=said.append)
    line = r"if they are, save .*swapaxes\(-1, -2\)$"
    assert [bool(re.search(line, one)) for one in said].count(True) == 1
    images, labels = in_order(dataset)
    assert (images[..., 0].swapaxes(1, 2) == X).all()
    assert (labels == Y).all()
    with pytest.raises(DataError, match="this is an HDF5 file: read it as hdf5:"):
        load_dataset(f"npz:{place}")


def test_one_array_may_be_both_parts_of_a_data_set(tmp_path):
    def fill(file: h5py.File) -> None:
        file["train/x"], file["train/y"] = X, Y
        file["test"] = h5py.SoftLink("/train")

    assert (load_dataset(made(tmp_path, fill)).test_images[..., 0] == X).all()


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (h5py.SoftLink("/nowhere"), "labels is a link to nothing"),
        (h5py.SoftLink("/images/inside"), "labels is a link to nothing"),
        (h5py.SoftLink("/labels"), "labels is a link to a link, over 16 times"),
        (h5py.SoftLink("/labels/labels"), "labels is a link to a link, over 16 times"),
        (h5py.ExternalLink("other.h5", "/labels"), "labels is a link to another file"),
        (h5py.SoftLink("/outside/labels"), "labels is a link to another file"),
    ],
)
def test_links_that_lead_nowhere_in_the_file_are_refused(target, says, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["labels"] = Y

    def fill(file: h5py.File) -> None:
        file["images"], file["labels"] = X, target
        file["outside"] = h5py.ExternalLink("other.h5", "/")

    with pytest.raises(DataError, match=says) as caught:
        load_dataset(made(tmp_path, fill))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"compression": "lzf", "shuffle": True},
        {"compression": "szip"},
        {"compression": "szip", "fletcher32": True},
        {"scaleoffset": 0},
        {"scaleoffset": 0, "compression": "gzip"},
        {"fletcher32": True},
    ],
)
@pytest.mark.parametrize("images", [PLAIN, PLAIN * 0, np.random.default_rng(0).integers(0, 256, PLAIN.shape, np.uint8)])
def test_every_filter_of_h5py_is_read(images, options, tmp_path):
    if options.get("compression") == "szip" and not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        pytest.skip("this h5py was built without szip")

    def fill(file: h5py.File) -> None:
        file.create_dataset("train_images", data=images, chunks=(100, 5, 30, 3), **options)
        file["train_labels"] = np.arange(600) % 3
        file["test_images"], file["test_labels"] = images[:9], np.arange(9) % 3

    assert (load_dataset(made(tmp_path, fill), say=str).train_images == images).all()


def test_the_nbit_filter_is_read(tmp_path):
    def fill(file: h5py.File) -> None:
        kind = h5py.h5t.NATIVE_UINT8.copy()
        kind.set_precision(5)
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((10, 6, 5))
        properties.set_filter(h5py.h5z.FILTER_NBIT, 0, ())
        space = h5py.h5s.create_simple(X.shape)
        h5py.h5d.create(file.id, b"images", kind, space, properties)
        file["images"][...] = X % 32
        file["labels"] = Y

    assert (in_order(load_dataset(made(tmp_path, fill), say=str))[0][..., 0] == X % 32).all()


@pytest.mark.parametrize(
    ("number", "name"), [(32001, "blosc"), (32004, "lz4"), (32008, "bitshuffle"), (32015, "zstd"), (32013, "zfp")]
)
def test_a_plug_in_is_named_with_the_way_to_do_without(number, name, tmp_path):
    def fill(file: h5py.File) -> None:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk(X.shape)
        properties.set_filter(number, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple(X.shape)
        h5py.h5d.create(file.id, b"images", h5py.h5t.NATIVE_UINT8, space, properties)
        h5py.Dataset(file["images"].id).id.write_direct_chunk((0, 0, 0), X.tobytes())
        file["labels"] = Y

    with pytest.raises(
        DataError, match=rf"images is packed by {name} \(filter {number}\).*h5repack -f GZIP=4"
    ) as caught:
        load_dataset(made(tmp_path, fill))
    assert "hostile" not in str(caught.value)


def test_chunks_that_were_never_written_are_told_of(tmp_path):
    def fill(file: h5py.File) -> None:
        images = file.create_dataset("images", (30, 6, 5), np.uint8, chunks=(10, 6, 5), fillvalue=7)
        images[:10] = X[:10]
        file["labels"] = Y

    said: list[str] = []
    images, _ = in_order(load_dataset(made(tmp_path, fill), say=said.append, test_share=0.3))
    assert (images[:10, ..., 0] == X[:10]).all()
    assert (images[10:] == 7).all()
    assert "2 of the 3 chunks of images were never written and hold HDF5's fill value, 7" in said[0]
