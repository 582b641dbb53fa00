import importlib.util
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from memscope.datasets import FORMS, load_dataset
from memscope.errors import DataError, OptionError

ROOT = Path(__file__).parents[2]
SOURCE = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture(scope="module")
def bundled():
    return load_dataset("fashion-mnist-5k")


def test_the_bundled_set_is_balanced_in_source_order_and_names_its_classes(bundled):
    assert bundled.train_images.shape == (5000, 28, 28, 1)
    assert bundled.test_images.shape == (2000, 28, 28, 1)
    assert np.bincount(bundled.train_labels).tolist() == [500] * 10
    assert np.bincount(bundled.test_labels).tolist() == [200] * 10
    assert (np.diff(bundled.train_index) > 0).all()
    assert (np.diff(bundled.test_index) > 0).all()
    assert bundled.class_names[0] == "T-shirt/top"
    assert bundled.class_names[9] == "Ankle boot"
    assert bundled.train_images.any(axis=(1, 2, 3)).all()


@pytest.mark.skipif(not SOURCE.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_the_script_makes_the_bundled_arrays_from_the_source_exactly(bundled):
    spec = importlib.util.spec_from_file_location("make_fashion", ROOT / "data/make_fashion_mnist_5k.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    source = load_dataset(f"idx:{SOURCE}")
    made = script.chosen_arrays(source)
    with np.load(ROOT / "data/fashion-mnist-5k.npz", allow_pickle=False) as stored:
        assert set(stored.files) == set(made)
        for name, array in made.items():
            assert stored[name].dtype == array.dtype
            assert (stored[name] == array).all()
    assert (bundled.train_images == source.train_images[bundled.train_index]).all()
    assert (bundled.test_labels == source.test_labels[bundled.test_index]).all()
    assert bundled.class_names == source.class_names


def test_the_sample_is_taken_first_and_then_flipped_both_by_the_data_seed(bundled):
    part = load_dataset("fashion-mnist-5k", examples=200, label_noise=0.1, data_seed=4)
    assert part.spec == "fashion-mnist-5k"
    assert np.bincount(part.true_labels).tolist() == [20] * 10
    assert (part.train_labels != part.true_labels).sum() == 20
    where = np.searchsorted(bundled.train_index, part.train_index)
    assert (bundled.train_labels[where] == part.true_labels).all()
    assert (bundled.train_images[where] == part.train_images).all()
    again = load_dataset("fashion-mnist-5k", examples=200, label_noise=0.1, data_seed=4)
    other = load_dataset("fashion-mnist-5k", examples=200, label_noise=0.1, data_seed=5)
    assert again.fingerprint == part.fingerprint != other.fingerprint


def test_noise_does_not_change_which_examples_are_sampled():
    plain = load_dataset("fashion-mnist-5k", examples=300, data_seed=1)
    noisy = load_dataset("fashion-mnist-5k", examples=300, label_noise=0.2, data_seed=1)
    assert (plain.train_index == noisy.train_index).all()
    assert (plain.train_labels == noisy.true_labels).all()
    assert plain.true_labels is None


@pytest.mark.parametrize("spec", ["", "cifar10", "tfds:mnist", "idx:", "npz", "fashion-mnist-5k:x"])
def test_an_unknown_data_set_is_answered_with_the_forms(spec):
    with pytest.raises(OptionError, match="unknown data set") as caught:
        load_dataset(spec)
    for form in FORMS:
        assert form in str(caught.value)


@pytest.mark.parametrize(
    ("name", "files", "form"),
    [
        ("a", ["train-images-idx3-ubyte.gz"], "idx"),
        ("b", ["data_batch_1.bin"], "cifar"),
        ("c", ["train/cat/1.png"], "folder"),
        ("x.npz", None, "npz"),
        ("x.h5", None, "hdf5"),
    ],
)
def test_a_bare_path_is_answered_with_its_likely_prefix(name, files, form, tmp_path):
    path = tmp_path / name
    for file in [path] if files is None else [path / inner for inner in files]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    with pytest.raises(OptionError, match=f"did you mean {form}:{path}"):
        load_dataset(str(path))


def test_only_folders_resize():
    assert load_dataset("fashion-mnist-5k", image_size=28).image_shape == (28, 28, 1)
    with pytest.raises(OptionError, match="28 x 28 and image size 32 was asked for; only folder: and hf: resize"):
        load_dataset("fashion-mnist-5k", image_size=32)
    with pytest.raises(OptionError, match="at least 1"):
        load_dataset("fashion-mnist-5k", image_size=0)


def test_the_package_loads_no_heavy_library():
    code = (
        "import sys, memscope.datasets; memscope.datasets.load_dataset('fashion-mnist-5k', examples=20); "
        "print([name for name in ('torch', 'matplotlib', 'PIL', 'h5py') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_class_names_in_composed_and_decomposed_letters_are_one_class(tmp_path):
    both = np.array([unicodedata.normalize(form, "café") for form in ("NFC", "NFD")] + ["thé"])
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 4), dtype=np.uint8)
    given = {
        "train_images": images,
        "train_labels": np.arange(30) % 3,
        "test_images": images,
        "test_labels": np.arange(30) % 3,
    }
    np.savez(tmp_path / "names.npz", **given, class_names=both)
    found = load_dataset(f"npz:{tmp_path}/names.npz")
    assert found.class_names == ("café", "thé")
    assert found.train_labels.tolist() == [0, 0, 1] * 10
    given |= {"train_labels": both[np.arange(30) % 3], "test_labels": both[(np.arange(30) + 1) % 3]}
    np.savez(tmp_path / "texts.npz", **given)
    found = load_dataset(f"npz:{tmp_path}/texts.npz")
    assert found.class_names == ("café", "thé")
    assert found.test_labels.tolist() == [0, 1, 0] * 10


def test_places_are_found_in_either_unicode_form_and_an_unknown_home_is_told(tmp_path):
    folder = tmp_path / unicodedata.normalize("NFD", "é")
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 4), dtype=np.uint8)
    labels = np.arange(30) % 3
    np.savez(folder / "a.npz", train_images=images, train_labels=labels, test_images=images, test_labels=labels)
    composed = unicodedata.normalize("NFC", f"npz:{tmp_path}/é/a.npz")
    assert len(load_dataset(composed).train_labels) == 30
    with pytest.raises(DataError, match="found nothing"):
        load_dataset("npz:~nobodyofthisname/a.npz")
