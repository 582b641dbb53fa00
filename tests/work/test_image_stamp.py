"""The image cache is hashed once, and again as soon as anything says that it may be another."""

import json
import os
import shutil
import time
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from memscope.datasets.duplicates import Duplicates
from memscope.datasets.image_dataset import ImageDataset
from memscope.run import Run, open_run
from memscope.store.examples import write_examples
from memscope.store.image_stamp import is_stamped, stamp_of, write_stamp
from memscope.work.data_set import ensure_examples
from memscope.work.repair import repair


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """Grows by a data set's name whenever its images, labels and class names are hashed."""
    found: list[str] = []
    real = ImageDataset.__dict__["fingerprint"].func

    def counted(self: ImageDataset) -> str:
        found.append(self.spec)
        return real(self)

    counting = cached_property(counted)
    counting.__set_name__(ImageDataset, "fingerprint")
    monkeypatch.setattr(ImageDataset, "fingerprint", counting)
    return found


@pytest.fixture
def run(tiny_run, tmp_path, hashed) -> Run:
    """A copy of `tiny_run` whose images have just been hashed."""
    shutil.copytree(tiny_run, tmp_path / "run")
    opened = open_run(tmp_path / "run")
    ensure_examples(opened)
    assert len(hashed) == 1
    hashed.clear()
    time.sleep(0.02)  # what is changed now is changed at another time: file systems count in steps of up to 10 ms
    return opened


def images_of(run: Run) -> Path:
    return run.path / "cache" / "images.npy"


def change_a_byte(path: Path) -> None:
    """In place, as the last act of somebody who then sets the time back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        byte = file.read(1)
        file.seek(-100, os.SEEK_END)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_the_images_are_not_read_by_a_second_call(run, hashed):
    ensure_examples(run)
    ensure_examples(open_run(run.path))
    assert hashed == []


def test_the_stamp_says_which_file_was_hashed_and_holds_nothing_else(run):
    file = images_of(run).stat()
    assert json.loads((run.path / "cache" / "images.json").read_text()) == {
        "data_fingerprint": run.plan.data.fingerprint,
        "size": file.st_size,
        "mtime_ns": file.st_mtime_ns,
        "ctime_ns": file.st_ctime_ns,
        "inode": file.st_ino,
        "examples_sha256": sha256((run.path / "examples.h5").read_bytes()).hexdigest(),
    }


def touch(run: Run) -> None:
    when = images_of(run).stat().st_mtime_ns
    os.utime(images_of(run), ns=(when, when - 10**9))


def copy(run: Run) -> None:
    shutil.copy2(images_of(run), run.path / "copy")
    os.replace(run.path / "copy", images_of(run))


@pytest.mark.parametrize("done", [touch, copy])
def test_a_cache_that_may_be_another_is_hashed_once_more(run, hashed, done):
    content = images_of(run).read_bytes()
    done(run)
    ensure_examples(run)
    assert len(hashed) == 1
    ensure_examples(run)
    assert len(hashed) == 1
    assert images_of(run).read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 10**6, b"\xff\x00", None])
def test_a_stamp_that_says_anything_else_stands_for_nothing(run, hashed, content):
    path = run.path / "cache" / "images.json"
    path.write_bytes(path.read_bytes() + b" " if content is None else content)
    ensure_examples(run)
    assert len(hashed) == 1


def test_a_byte_that_changed_is_found_though_length_and_time_are_as_before(run, hashed):
    path = images_of(run)
    content, before = path.read_bytes(), path.stat()
    change_a_byte(path)
    after = path.stat()
    assert path.read_bytes() != content
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    said: list[str] = []
    ensure_examples(run, say=said.append)
    assert said == [f"reading {run.plan.data.spec}"]
    assert path.read_bytes() == content
    ensure_examples(run)
    hashed.clear()
    ensure_examples(run)
    assert hashed == []


def write_others(run: Run, **others: object) -> None:
    """Another `examples.h5` that says it is of the plan's data."""
    known, dataset = run.examples, run.dataset()

    class Said(ImageDataset):
        fingerprint = run.plan.data.fingerprint

    values = {field: getattr(dataset, field) for field in ImageDataset.__dataclass_fields__} | others
    groups = Duplicates(known.exact_group, known.test_exact_group, known.near_group, known.test_near_group, True)
    write_examples(run.path, Said(**values), groups)


def test_other_labels_are_hashed_and_found(run, hashed):
    write_others(run, train_labels=np.roll(run.examples.labels, 1))
    said: list[str] = []
    ensure_examples(open_run(run.path), say=said.append)
    assert hashed
    assert said == [f"reading {run.plan.data.spec}"]


def test_other_examples_with_the_same_labels_are_hashed_again_and_left(run, hashed):
    write_others(run, train_index=np.arange(120)[::-1])
    content = (run.path / "examples.h5").read_bytes()
    ensure_examples(run)
    assert len(hashed) == 1
    assert (run.path / "examples.h5").read_bytes() == content


def test_a_repair_hashes_whatever_the_stamp_says(run, hashed):
    change_a_byte(images_of(run))
    forged = stamp_of(run.path, run.plan.data.fingerprint)
    assert forged is not None
    write_stamp(run.path, forged)
    ensure_examples(run)
    assert hashed == []
    (moved,) = repair(run.path).moved
    assert moved.file == str(images_of(run))
    assert "data fingerprint" in moved.found


def test_a_cache_that_changes_while_it_is_hashed_is_not_stamped(run, hashed, monkeypatch):
    touch(run)
    real = ImageDataset.__dict__["fingerprint"].func

    def slowly(self: ImageDataset) -> str:
        found = real(self)
        change_a_byte(images_of(run))
        return found

    monkeypatch.setattr(ImageDataset, "fingerprint", property(slowly))
    ensure_examples(run)
    assert not is_stamped(run.path, stamp_of(run.path, run.plan.data.fingerprint))


def test_where_the_stamp_cannot_be_written_the_images_are_hashed_by_every_call(run, hashed):
    stamp = run.path / "cache" / "images.json"
    stamp.unlink()
    (stamp / "in the way").mkdir(parents=True)
    for _ in range(2):
        ensure_examples(run)
    assert len(hashed) == 2
    assert sorted(path.name for path in stamp.parent.iterdir()) == ["images.json", "images.npy", "source.json"]
