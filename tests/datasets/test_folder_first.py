"""Runs of before find their own pixels again: fingerprints that the loader gave before there were other rules."""

import hashlib
import shutil
import warnings
from pathlib import Path

import pytest
from PIL import Image

from memscope.datasets import load_dataset
from memscope.datasets.reading import FIRST_RULES, NEWEST_RULES
from memscope.errors import DataError
from tests.datasets.nasty_folder import make_nasty

NAMES = "dc2fe008f9375a824ceb38e80acd5d9d6c8b2dc0e374bee226923f6b52235c59"
"""SHA-256 of the names, one a line of zero bytes, as commit 0a9c303 gave them; so are the fingerprints"""


@pytest.fixture
def nasty(tmp_path):
    make_nasty(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("image_size", "fingerprint"),
    [
        (None, "371bf59c3100222b2b23d7f0cc944480f6f014691c855ee622da18f93b771c76"),
        (8, "fcc403650ca921ffc97fc9f8871f47df87e3d50d0684eb21a4cb6b1b9aa24f68"),
    ],
)
def test_the_first_rules_give_what_they_always_gave_and_say_nothing(image_size, fingerprint, nasty):
    lines = []
    dataset = load_dataset(f"folder:{nasty}", image_size=image_size, reading=FIRST_RULES, say=lines.append)
    names = (*dataset.train_names, *dataset.test_names)
    assert hashlib.sha256("\0".join(names).encode()).hexdigest() == NAMES
    assert dataset.fingerprint == fingerprint
    assert not lines
    assert load_dataset(f"folder:{nasty}", image_size=image_size, say=lines.append).fingerprint != fingerprint
    assert lines


def test_the_first_rules_give_one_channel_as_they_always_did(nasty):
    for part in ("train", "test", "val"):
        shutil.rmtree(nasty / part / "b")
    for path in nasty.rglob("*.png"):
        with Image.open(path) as image:
            image.convert("L").save(path)
    found = load_dataset(f"folder:{nasty}", reading=FIRST_RULES)
    assert found.image_shape == (6, 5, 1)
    assert found.fingerprint == "8794833f96d3cebab1ae346742af5072b85dee18b9c02b7b9a235faec6367b06"


def test_clean_folders_are_the_same_under_all_rules(tmp_path):
    for number, name in enumerate(("train/cat/b", "train/cat/a/x", "train/Dog/1", "train/Dog/2", "val/cat/1")):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 6), (80 * number % 256, 9, number)).save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [load_dataset(f"folder:{tmp_path}", reading=rules) for rules in (FIRST_RULES, NEWEST_RULES)]
    assert found[0].fingerprint == found[1].fingerprint
    assert found[0].train_names == found[1].train_names


def test_the_first_rules_name_all_files_that_cannot_be_read(nasty):
    for number in range(3):
        (nasty / f"train/b/{number}.csv").write_text("a,b")
    with pytest.raises(DataError, match=r"3 of its 35 files cannot be read as images: 3 \*\.csv .*--skip-unreadable"):
        load_dataset(f"folder:{nasty}", reading=FIRST_RULES)


def test_the_first_rules_need_a_training_and_a_test_set(tmp_path: Path):
    (tmp_path / "cat").mkdir()
    with pytest.raises(DataError, match="found cat, expected a directory train; make it"):
        load_dataset(f"folder:{tmp_path}", reading=FIRST_RULES)
    (tmp_path / "train/cat").mkdir(parents=True)
    (tmp_path / "train/dog").mkdir()
    with pytest.raises(DataError, match="expected a directory test or val"):
        load_dataset(f"folder:{tmp_path}", reading=FIRST_RULES)
    for part in ("test/cat", "test/bee"):
        (tmp_path / part).mkdir(parents=True)
    with pytest.raises(DataError, match=r"found the class 'bee', which .*train does not have"):
        load_dataset(f"folder:{tmp_path}", reading=FIRST_RULES)
