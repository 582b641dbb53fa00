"""A run that goes on notices what was done to its data, and says it in the words of whoever did it."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import memscope.work.data_set
from memscope.cli import memscope as command_line
from memscope.commands import MemoryOptions, Teaching, distill, resmem
from memscope.datasets import load_dataset
from memscope.datasets.difference import Difference, difference, told
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.listing import listing_of
from memscope.errors import RunError
from memscope.plan.plan_file import read_plan
from memscope.run import open_run
from memscope.steps.train_family import plan_ahead, train_family
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices, choices_from_plan

NOTHING, INLINE = Choices(), WorkOptions(engine="inline")


def picture(path: Path, seed: int, colour: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (6, 6, 3) if colour else (6, 6)).astype(np.uint8)
    Image.fromarray(values).save(path)


@pytest.fixture
def photos(tmp_path) -> Path:
    """Fifteen cats and fifteen dogs, with a test set of their own."""
    for at in range(15):
        for label, name in enumerate(("cat", "dog")):
            picture(tmp_path / "photos" / "train" / name / f"{at:02}.png", 100 * label + at)
            picture(tmp_path / "photos" / "test" / name / f"{at:02}.png", 1000 + 100 * label + at)
    return tmp_path / "photos"


def choices_of(photos: Path, **others: object) -> Choices:
    given = Choices(data=f"folder:{photos}", trainer="record", widths=(2,), models=10)
    return replace(given, **others)


@pytest.fixture
def run(photos, tmp_path) -> Path:
    """A run that trains nothing."""
    return Path(train_family(tmp_path / "run", choices_of(photos), INLINE).run)


def change(photos: Path) -> None:
    """Two relabelled, one with other pixels, one gone, three new, one renamed."""
    train = photos / "train"
    (train / "cat" / "03.png").rename(train / "dog" / "c03.png")
    (train / "dog" / "04.png").rename(train / "cat" / "d04.png")
    picture(train / "cat" / "05.png", 9005)
    (train / "cat" / "06.png").unlink()
    for at in range(3):
        picture(train / "dog" / f"new{at}.png", 9010 + at)
    (train / "dog" / "07.png").rename(train / "dog" / "07b.png")


SAID = (
    "3 added, 1 gone, 2 with another label, 1 with other pixels, of 60 images "
    "(such as train/cat/d04.png from dog to cat)"
)


def goes_on(run: Path, choices: Choices = NOTHING) -> list[str]:
    said: list[str] = []
    train_family(run, choices, INLINE, say=said.append)
    return said


def test_what_was_done_to_a_folder_is_said_by_the_next_call(run, photos):
    assert goes_on(run) == []
    before = open_run(run).dataset().fingerprint
    change(photos)
    reading, line = goes_on(run)
    assert reading == f"reading folder:{photos}, whose files have changed"
    assert line == (
        f"Warning: folder:{photos} has changed since this run was made: {SAID}. The run goes on with the images and "
        f"labels of then; for those of now: memscope train-family NEW --plan {run}/plan.toml --data folder:{photos}"
    )
    assert open_run(run).dataset().fingerprint == before


def test_the_command_that_is_offered_makes_a_run_of_the_data_as_they_are_now(run, photos, tmp_path):
    change(photos)
    (line,) = goes_on(run)[1:]
    words = line.rpartition("those of now: memscope ")[2].replace("NEW", str(tmp_path / "new")).split()
    assert CliRunner().invoke(command_line, words).exit_code == 0
    new = open_run(tmp_path / "new")
    assert len(new.examples.labels) == 32
    assert new.plan == replace(open_run(run).plan, data=new.plan.data)


def test_images_are_read_again_only_after_files_have_changed(run, photos, monkeypatch):
    read: list[str] = []
    real = load_dataset

    def counted(spec: str, **options: object) -> ImageDataset:
        read.append(spec)
        return real(spec, **options)

    monkeypatch.setattr(memscope.work.data_set, "load_dataset", counted)
    goes_on(run)
    assert read == []
    change(photos)
    first = goes_on(run)[-1]
    assert len(read) == 1
    assert goes_on(run) == [first]  # without reading
    assert len(read) == 1
    os.utime(photos / "train" / "cat" / "00.png", (1, 1))  # somebody has looked at it
    assert goes_on(run)[-1] == first
    assert len(read) == 2


def test_files_that_were_only_touched_or_put_back_differ_in_nothing(run, photos):
    kept = shutil.copytree(photos, photos.with_name("kept"))
    change(photos)
    assert SAID in goes_on(run)[-1]
    shutil.rmtree(photos)
    shutil.copytree(kept, photos)
    assert goes_on(run) == [f"reading folder:{photos}, whose files have changed"] or goes_on(run) == []
    assert goes_on(run) == []


def test_litter_is_no_change(run, photos):
    (photos / "train" / "cat" / ".DS_Store").write_bytes(b"x")
    (photos / "train" / "Thumbs.db").write_bytes(b"x")
    assert goes_on(run) == []


def test_a_folder_that_is_gone_or_unreadable_now_does_not_stop_a_run_that_has_its_images(run, photos):
    (photos / "train" / "cat" / "00.png").write_bytes(b"no picture")
    assert "it can no longer be read" in goes_on(run)[-1]
    shutil.rmtree(photos)
    assert goes_on(run) == []


@pytest.mark.parametrize("content", [None, b"", b"[1]", b'{"listing": 1, "differs": 2}', b"[" * 10**5, b"\xff"])
def test_a_run_without_a_note_gets_one_and_goes_on(run, photos, content):
    note = run / "cache" / "source.json"
    note.unlink()
    if content is not None:
        note.write_bytes(content)
    assert goes_on(run) == []
    assert json.loads(note.read_text()) == {"listing": listing_of(f"folder:{photos}"), "differs": ""}


def test_where_the_images_are_gone_too_the_refusal_says_what_differs(run, photos):
    change(photos)
    shutil.rmtree(run / "cache")
    with pytest.raises(RunError, match="is not the same data as this run was made with") as error:
        train_family(run, NOTHING, INLINE)
    # without pixels, an image that was moved is one gone and one added
    assert "6 added, 4 gone, of 60 images" in str(error.value)
    assert f"--plan {run}/plan.toml --data folder:{photos}" in str(error.value)


def test_quiet_and_json_say_it_too(run, photos):
    change(photos)
    quiet = CliRunner().invoke(command_line, ["train-family", str(run), "-q"])
    assert SAID in quiet.output.replace("\n", " ")
    told_json = CliRunner().invoke(command_line, ["train-family", str(run), "--json"])
    assert SAID in json.loads(told_json.stdout)["data_changed"]


def test_a_plan_is_replayed_with_its_own_data_or_those_that_are_named(run, photos, tmp_path):
    plan = read_plan(run / "plan.toml")
    change(photos)
    with pytest.raises(RunError, match="not the same data; put the original back, or take the data as they are now"):
        train_family(tmp_path / "two", choices_from_plan(plan, NOTHING), INLINE)
    named = choices_from_plan(plan, Choices(data=f"folder:{photos}"))
    assert train_family(tmp_path / "two", named, INLINE).models == 10


def test_a_new_place_is_remembered(run, photos):
    digest = open_run(run).plan.digest
    moved = photos.rename(photos.with_name("elsewhere"))
    said = goes_on(run, Choices(data=f"folder:{moved}"))
    assert said[-1] == f"the data of {run} are at folder:{moved} from now on"
    plan = open_run(run).plan
    assert (plan.data.spec, plan.digest) == (f"folder:{moved}", digest)
    shutil.rmtree(run / "cache")
    assert goes_on(run)[0] == f"reading folder:{moved}"  # found without being told again
    assert goes_on(run) == []
    change(moved)
    assert SAID in goes_on(run)[-1]


def test_a_new_place_of_other_data_is_refused_and_not_remembered(run, photos):
    other = shutil.copytree(photos, photos.with_name("other"))
    change(other)
    before = (run / "plan.toml").read_bytes()
    for go_on in (train_family, plan_ahead):
        with pytest.raises(RunError) as error:
            go_on(run, Choices(data=f"folder:{other}"), INLINE)
        assert SAID in str(error.value)
        assert "Put the original back, or give its place with --data" in str(error.value)
    assert (run / "plan.toml").read_bytes() == before


def test_a_forecast_remembers_nothing(run, photos):
    moved = photos.rename(photos.with_name("elsewhere"))
    before = (run / "plan.toml").read_bytes()
    plan_ahead(run, Choices(data=f"folder:{moved}"), INLINE)
    assert (run / "plan.toml").read_bytes() == before


def test_a_sample_and_flips_are_compared_with_what_they_were_taken_from(photos, tmp_path):
    train_family(tmp_path / "run", choices_of(photos, examples=20, label_noise=0.2, data_seed=3), INLINE)
    sample = open_run(tmp_path / "run").examples
    relabelled = next(name for name in sample.names if "/cat/" in name)
    (photos / relabelled).rename(photos / "train" / "dog" / "moved.png")
    line = goes_on(tmp_path / "run")[-1]
    assert "1 with another label, of 50 images (such as train/dog/moved.png from cat to dog)" in line
    (photos / "train" / "dog" / "moved.png").rename(photos / relabelled)
    picture(photos / "train" / "cat" / "zz.png", 77)
    line = goes_on(tmp_path / "run")[-1]
    assert "the 50 images of this run are there, but others beside them, or in another order" in line


def arrays(seed: int = 0, count: int = 12) -> ImageDataset:
    values = np.random.default_rng(seed)
    return ImageDataset(
        spec="npz:x",
        train_images=values.integers(0, 256, (count, 4, 4, 1)).astype(np.uint8),
        train_labels=np.arange(count) % 3,
        test_images=values.integers(0, 256, (6, 4, 4, 1)).astype(np.uint8),
        test_labels=np.arange(6) % 3,
        class_names=("a", "b", "c"),
        train_index=np.arange(count),
        test_index=np.arange(6),
    )


def counts(one: Difference) -> tuple[int, ...]:
    return one.added, one.gone, one.relabelled, one.repainted, one.sides


def test_arrays_are_compared_by_pixels_before_positions():
    before = arrays()
    rolled = np.roll(np.arange(12), 5)
    now = replace(before, train_images=before.train_images[rolled], train_labels=before.train_labels[rolled])
    assert counts(difference(now, before)) == (0, 0, 0, 0, 0)
    assert told(difference(now, before)) == "the same images and labels, in another order"
    labels = before.train_labels.copy()
    labels[[2, 7]] = [0, 0]
    images = before.train_images.copy()
    images[4] ^= 1
    now = replace(before, train_labels=labels, train_images=images)
    assert counts(difference(now, before)) == (0, 0, 2, 1, 0)
    assert (
        told(difference(now, before))
        == "2 with another label, 1 with other pixels, of 18 images (such as image 2 from c to a)"
    )


def test_without_pixels_arrays_are_compared_by_position():
    before = arrays()
    now = replace(before, train_labels=np.roll(before.train_labels, 1), train_images=before.train_images ^ 1)
    assert counts(difference(now, before, pixels=False)) == (0, 0, 12, 0, 0)


def test_copies_of_an_image_are_counted_one_by_one():
    before = arrays()
    images = before.train_images.copy()
    images[[0, 1, 2]] = images[0]  # in classes a, b and c
    before = replace(before, train_images=images)
    labels = before.train_labels.copy()
    labels[0] = 2
    assert counts(difference(replace(before, train_labels=labels), before)) == (0, 0, 1, 0, 0)
    left = np.delete(np.arange(12), 1)
    one_less = replace(
        before, train_images=images[left], train_labels=before.train_labels[left], train_index=np.arange(11)
    )
    assert counts(difference(one_less, before)) == (0, 1, 0, 0, 0)


def test_sides_classes_and_shapes_are_told():
    before = arrays()
    now = replace(
        before,
        train_images=before.train_images[1:],
        train_labels=before.train_labels[1:],
        train_index=np.arange(11),
        test_images=np.concatenate([before.test_images, before.train_images[:1]]),
        test_labels=np.append(before.test_labels, before.train_labels[0]),
        test_index=np.arange(7),
    )
    assert counts(difference(now, before)) == (0, 0, 0, 0, 1)
    assert told(difference(now, before)) == "1 moved between training and test set, of 18 images"
    renamed = replace(before, class_names=("a", "b", "d"))
    assert told(difference(renamed, before)) == (
        "1 class new (d), 1 class gone (c), 6 with another label, of 18 images (such as image 2 from c to d)"
    )
    larger = replace(
        before, train_images=np.zeros((12, 8, 8, 1), np.uint8), test_images=np.zeros((6, 8, 8, 1), np.uint8)
    )
    assert told(difference(larger, before)) == "images of 8x8x1 in place of 4x4x1"
    grey_as_colour = replace(
        before, train_images=before.train_images.repeat(3, 3), test_images=before.test_images.repeat(3, 3)
    )
    assert counts(difference(grey_as_colour, before)) == (0, 0, 0, 0, 0)


def test_resmem_and_distill_say_it_too(tiny_npz, tmp_path):
    with np.load(tiny_npz) as stored:
        arrays = dict(stored)
    np.savez(tmp_path / "data.npz", **arrays)
    data = f"npz:{tmp_path}/data.npz"
    train_family(tmp_path / "run", Choices(data=data, family="mlp", widths=(2, 3), models=10, epochs=1), INLINE)
    arrays["train_labels"][:5] = (arrays["train_labels"][:5] + 1) % 4
    np.savez(tmp_path / "data.npz", **arrays)
    said: list[str] = []
    resmem(tmp_path / "run", MemoryOptions(k=(5,), sigma=(1.0,), temperature=(1.0,)), INLINE, say=said.append)
    distill(tmp_path / "run", Teaching(3), options=INLINE, say=said.append)
    lines = [line for line in said if "5 with another label, of 160 images" in line]
    assert len(lines) == 2
    assert said.count(f"reading {data}, whose files have changed") == 1
