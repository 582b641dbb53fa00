"""Folders as people have them: where classes and parts are found, which links are followed, and what is passed over."""

import os
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memscope.datasets import load_dataset
from memscope.datasets.litter import litter_kind
from memscope.errors import DataError


def fill(root: Path, *places: str, first: int = 0) -> Path:
    """A picture at each place, of a colour of its own."""
    for number, place in enumerate(places, first):
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 6), (number * 7 % 256, number // 36, 99)).save(path, "PNG")
    return root


def classes(*parts: str, count: int = 1, names: tuple[str, ...] = ("cat", "dog")) -> list[str]:
    return [f"{part}/{name}/{number}.png" for part in parts for name in names for number in range(count)]


def read(root: Path, **options):
    lines = []
    return load_dataset(f"folder:{root}", say=lines.append, **options), lines


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"), ("Train", "Test"), ("TRAIN", "VAL"), ("training", "testing"), ("Training", "validation"),
        ("train", "valid"), ("train", "eval"), ("train", "dev"), ("training_set", "test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"), ("a-train", "a-valid"), ("train images", "test images"),
        ("a/b/train", "a/b/test"), ("data/train/train", "data/test"),
    ],
)  # fmt: skip
def test_the_parts_have_many_names(train, test, tmp_path):
    dataset, _ = read(fill(tmp_path, *classes(train, count=3), *classes(test)))
    assert dataset.class_names == ("cat", "dog")
    assert dataset.train_names == tuple(classes(train, count=3))
    assert dataset.test_names == tuple(classes(test))
    assert dataset.test_share is None


def test_class_folders_alone_have_a_test_set_held_out(tmp_path):
    dataset, lines = read(fill(tmp_path, *(name[2:] for name in classes(".", count=20))))
    assert dataset.class_names == ("cat", "dog")
    assert len(dataset.train_labels) + len(dataset.test_labels) == 40
    assert set(dataset.train_names) | set(dataset.test_names) == {name[2:] for name in classes(".", count=20)}
    assert dataset.test_share == 0.2
    assert len(lines) == 1
    assert "has no test set" in lines[0]


def test_a_training_part_alone_has_a_test_set_held_out(tmp_path):
    dataset, _ = read(fill(tmp_path, *classes("train", count=20)))
    assert all(name.startswith("train/") for name in dataset.test_names)
    assert dataset.test_share == 0.2


def test_a_wrapping_folder_is_descended_into_and_said(tmp_path):
    fill(tmp_path, *classes("signs/train", count=2), *classes("signs/test"))
    (tmp_path / "__MACOSX/signs/train/cat").mkdir(parents=True)
    (tmp_path / "__MACOSX/signs/train/cat/._0.png").write_text("x")
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "signs.zip").write_text("x")
    dataset, lines = read(tmp_path)
    assert dataset.train_names == tuple(classes("signs/train", count=2))
    assert any("reading the folder signs in it" in line for line in lines)


def test_folders_of_texts_beside_the_images_are_no_classes(tmp_path):
    """As CUB-200 and food-101 come."""
    fill(tmp_path, *classes("CUB/images", count=20))
    for place in ("CUB/attributes/a.txt", "CUB/parts/b.txt", "CUB/images.txt", "CUB/classes.txt"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text("1 2 3")
    dataset, _ = read(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    fill(tmp_path, *(f"flat/{name[2:]}" for name in classes(".", count=20)))
    (tmp_path / "flat/labels").mkdir()
    (tmp_path / "flat/labels/a.xml").write_text("x")
    dataset, lines = read(tmp_path / "flat")
    assert dataset.class_names == ("cat", "dog")
    assert any("left out the folder labels, which has no images but 1 *.xml" in line for line in lines)


def test_a_test_part_without_class_folders_is_left_out(tmp_path):
    """As Kaggle gives it: unlabelled pictures."""
    fill(tmp_path, *classes("train", count=20), "test/1.png", "test/2.png")
    dataset, lines = read(tmp_path)
    assert dataset.test_share == 0.2
    assert any("test: left out, it has no class folders" in line for line in lines)
    fill(tmp_path, *classes("val"))
    dataset, lines = read(tmp_path)
    assert dataset.test_names == tuple(classes("val"))
    assert any("test: left out, it has no class folders" in line for line in lines)
    (tmp_path / "test/unknown").mkdir()
    for name in ("1.png", "2.png"):
        (tmp_path / "test" / name).rename(tmp_path / "test/unknown" / name)
    dataset, lines = read(tmp_path)
    assert dataset.test_names == tuple(classes("val"))
    assert any("test: left out, it has only the folder 'unknown'" in line for line in lines)


def test_of_a_test_and_a_validation_set_the_test_set_is_taken_and_the_other_named(tmp_path):
    fill(tmp_path, *classes("train", "val", "test"))
    dataset, lines = read(tmp_path)
    assert dataset.test_names == tuple(classes("test"))
    assert lines == [f"{tmp_path}: the test set is test; left out val"]


def test_an_empty_test_part_yields_to_a_validation_set_only(tmp_path):
    fill(tmp_path, *classes("train"))
    (tmp_path / "test/cat").mkdir(parents=True)
    with pytest.raises(DataError, match=r"test: found no images, expected some in .*test/<class>/; add them"):
        read(tmp_path)
    fill(tmp_path, *classes("val"))
    assert read(tmp_path)[0].test_names == tuple(classes("val"))


def test_parts_beside_class_folders(tmp_path):
    """The test set inside, or an unlabelled one; but test beside control, and valid beside invalid, are classes."""
    names = [name[2:] for name in classes(".", count=20)]
    dataset, _ = read(fill(tmp_path / "a", *names, *classes("test")))
    assert dataset.class_names == ("cat", "dog")
    assert dataset.test_names == tuple(classes("test"))
    dataset, lines = read(fill(tmp_path / "b", *names, "test/1.png"))
    assert dataset.class_names == ("cat", "dog")
    assert any("test: left out, it has no class folders" in line for line in lines)
    for pair in (("control", "test"), ("invalid", "valid"), ("bus", "train"), ("car", "steam_train")):
        dataset, _ = read(fill(tmp_path / pair[0], *(f"{one}/{number}.png" for one in pair for number in range(20))))
        assert dataset.class_names == pair


def test_what_lies_beside_the_folders_that_are_read_is_named(tmp_path):
    fill(tmp_path, *classes("train", "test"), "extra/1.png", "train/loose.png", "overview.png")
    (tmp_path / "sample_submission.csv").write_text("x")
    _, lines = read(tmp_path)
    assert lines == [
        f"{tmp_path}: left out extra, overview.png, beside the folders that are read",
        f"{tmp_path}/train: left out loose.png, beside the folders that are read",
        f"{tmp_path}: passed over what is no picture: 1 *.csv",
    ]


def test_folders_with_the_same_folders_inside_are_classes_but_said(tmp_path):
    """As PlantVillage comes: color/, grayscale/ and segmented/, each with all classes."""
    dataset, lines = read(fill(tmp_path, *classes("color", "grey", names=("apple", "corn"), count=10)))
    assert dataset.class_names == ("color", "grey")
    said = f"each has the folders apple, corn; if these are the classes, name one: folder:{tmp_path}/color"
    assert any(said in line for line in lines)


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ([], "found no class directories, expected at least 2"),
        (["1.png", "2.png"], r"no class directories but 1\.png, 2\.png, expected at least 2; put each class's images"),
        (["cat/1.png"], "found only the class 'cat'"),
        (["train/1.png", "test/1.png"], "found test, train, without class folders in them, expected train/<class>/"),
        (classes("test"), r"found test, expected train/<class>/ too; add it, or name one: folder:.*/test"),
        (classes("a/train", "b/train"), r"found train folders in a, b, expected one data set; name one .*folder:.*/a"),
        ([*classes("train", "test"), "test/eel/1.png"], r"found the class 'eel', which .*train does not have"),
        ([*classes("train"), *classes("test", names=("Cat",))], r"found the class 'Cat', which .*train does not have"),
    ],
)
def test_what_is_no_data_set_is_refused_in_one_line(places, message, tmp_path):
    with pytest.raises(DataError, match=message):
        read(fill(tmp_path, *places))


def test_a_class_without_images_is_refused(tmp_path):
    fill(tmp_path, *classes("train", "test"))
    (tmp_path / "train/bee").mkdir()
    with pytest.raises(DataError, match=r"train/bee: found no images, expected some in the folder of each class"):
        read(tmp_path)
    (tmp_path / "train/bee/Thumbs.db").write_text("x")
    (tmp_path / "train/bee/1.jpg").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"train/bee: found no images, only 1 .*, 1 .*, expected some in the folder of each class"
    ):
        read(tmp_path)


@pytest.mark.parametrize("part", ["", "train/"])
def test_classes_of_classes_are_told(part, tmp_path):
    fill(tmp_path, *classes(f"{part}pets", count=2), *classes(f"{part}cars", count=2, names=("bmw", "kia")))
    dataset, lines = read(tmp_path)
    assert dataset.class_names == ("cars", "pets")
    said = "the classes are cars, pets, and have folders of their own in them (bmw, cat, dog, kia)"
    assert [said in line for line in lines].count(True) == 1
    fill(tmp_path, f"{part}boats/1.png", f"{part}boats/2.png")  # one that has none: the others' are sessions, or sizes
    _, lines = read(tmp_path)
    assert not any("of their own" in line for line in lines)


def test_a_test_set_may_have_fewer_classes_and_classes_folders_inside(tmp_path):
    fill(tmp_path, *classes("train"), "train/cat/in/side/1.png", "test/dog/deep/1.png")
    dataset, _ = read(tmp_path)
    assert dataset.train_names == ("train/cat/0.png", "train/cat/in/side/1.png", "train/dog/0.png")
    assert dataset.test_labels.tolist() == [1]


# links


def test_links_to_folders_and_files_are_followed(tmp_path):
    fill(tmp_path, *classes("data/train", "data/test", count=2))
    fill(tmp_path, "extra/1.png", "extra/deep/2.png", "bees/1.png", "one.png", first=100)
    (tmp_path / "data/train/cat/more").symlink_to("../../../extra")
    (tmp_path / "data/train/bee").symlink_to(tmp_path / "bees")
    (tmp_path / "data/train/dog/one.png").symlink_to(tmp_path / "one.png")
    (tmp_path / "link").symlink_to("data")
    dataset, lines = read(tmp_path / "link")
    assert dataset.class_names == ("bee", "cat", "dog")
    assert dataset.train_names == (
        "train/bee/1.png", "train/cat/0.png", "train/cat/1.png", "train/cat/more/1.png", "train/cat/more/deep/2.png",
        "train/dog/0.png", "train/dog/1.png", "train/dog/one.png",
    )  # fmt: skip
    assert dataset.train_images[3, 0, 0, 0] == 100 * 7 % 256
    assert lines == []


@pytest.mark.parametrize("target", [".", "..", "../..", "../../..", "/"])
def test_loops_of_links_end_and_are_said(target, tmp_path):
    fill(tmp_path, *classes("train", "test"))
    (tmp_path / "train/cat/loop").symlink_to(target)
    dataset, lines = read(tmp_path)
    assert dataset.train_names == tuple(classes("train"))
    said = "not followed were links to folders that are read anyway, or that lie above: cat/loop"
    assert lines == [f"{tmp_path}/train: {said}"]


def test_a_folder_that_is_reached_twice_is_read_once_where_it_lies(tmp_path):
    fill(tmp_path, *classes("train", "test"), "elsewhere/1.png")
    (tmp_path / "train/cat/a").symlink_to("../dog")  # comes before dog, and yet these are dogs
    (tmp_path / "train/cat/b").symlink_to("../../elsewhere")
    (tmp_path / "train/dog/b").symlink_to("../../elsewhere")
    (tmp_path / "elsewhere/round").symlink_to("../train/cat")
    dataset, lines = read(tmp_path)
    assert dataset.train_names == ("train/cat/0.png", "train/cat/b/1.png", "train/dog/0.png")
    assert any("cat/a" in line and "dog/b" in line and "cat/b/round" in line for line in lines)
    (tmp_path / "train/eel").symlink_to("cat")
    with pytest.raises(DataError, match=r"train/eel: found no images, only a link to a folder that is read already"):
        read(tmp_path)


def test_the_same_folder_may_be_linked_from_both_parts(tmp_path):
    fill(tmp_path, *classes("train", "test"), "elsewhere/1.png")
    for part in ("train", "test"):
        (tmp_path / part / "cat/more").symlink_to("../../elsewhere")
    dataset, _ = read(tmp_path)
    assert "train/cat/more/1.png" in dataset.train_names
    assert "test/cat/more/1.png" in dataset.test_names


def test_links_that_lead_nowhere_are_named(tmp_path):
    fill(tmp_path, *classes("train", "test"))
    (tmp_path / "train/cat/gone").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"cat/gone: cannot be read as an image \(a link that leads nowhere\)"):
        read(tmp_path)
    assert len(read(tmp_path, skip_unreadable=True)[0].train_labels) == 2
    (tmp_path / "train/eel").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"train/eel: is a link that leads nowhere, expected a folder or a file"):
        read(tmp_path, skip_unreadable=True)


# litter


LITTER = (
    "._0.png", ".DS_Store", "Thumbs.db", "thumbs.db", "ehthumbs.db", "desktop.ini", "Icon\r", "Picasa.ini", "0.THM",
    "0.xmp", "0.png.aae", "a.lnk", "a.url", "labels.csv", "GT-0.csv", "a.tsv", "a.json", "a.jsonl", "a.xml", "a.md",
    "index.html", "a.yml", "a.yaml", "a.log", "0.png.bak", "0.png~", "a.tmp", "0.png.part", "0.png.crdownload",
    "README", "LICENSE", "COPYING", "a.md5", "MD5SUMS", "notes.txt", "SYNOPHOTO_THUMB_M.jpg", "0.png:Zone.Identifier",
    "M0100.CTG",
)  # fmt: skip
LITTER_FOLDERS = (
    "@eaDir", "__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found", ".ipynb_checkpoints",
)  # fmt: skip


def test_litter_is_passed_over_with_a_count(tmp_path):
    fill(tmp_path, *classes("train", "test"))
    for name in LITTER:
        Image.new("RGB", (5, 6)).save(tmp_path / "train/cat" / name, "PNG")  # even where it could be read
    for folder in (
        "@eaDir",
        "__MACOSX",
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
        ".ipynb_checkpoints",
    ):
        for place in ("train", "train/dog", "test/cat"):
            fill(tmp_path / place / folder, "0.png")
    (tmp_path / "test/cat/666.jpg").write_bytes(b"")
    dataset, lines = read(tmp_path)
    assert dataset.train_names == tuple(classes("train"))
    assert dataset.test_names == tuple(classes("test"))
    (line,) = lines
    said, _, kinds = line.partition(": passed over what is no picture: ")
    assert said == str(tmp_path)
    assert "5 hidden" in kinds
    assert kinds.endswith(" of other kinds")
    assert sum(int(number) for number in re.findall(r"\d+", kinds)) == len(LITTER) + 3 * len(LITTER_FOLDERS) + 1


@pytest.mark.parametrize(
    "name", ["Thumbs.db:encryptable", "1.png:AFP_AfpInfo", "1.png:x:$DATA", "1.png.dvc", "DS_Store"]
)
def test_what_network_drives_and_tools_leave_is_litter(name):
    assert litter_kind(name, False) is not None


def test_a_class_may_be_called_like_a_bin():
    assert litter_kind("recycled", True) is None


def test_splits_inside_the_classes_are_read_together_and_told_of(tmp_path):
    fill(tmp_path, *(f"{name}/{part}/{at}.png" for name in "ab" for part in ("train", "test") for at in range(4)))
    dataset, lines = read(tmp_path)
    assert len(dataset.train_labels) + len(dataset.test_labels) == 16
    assert any("each class has the folders test, train, whose images are read together" in line for line in lines)


@pytest.mark.parametrize("inside", [True, False])
def test_an_archive_is_to_be_unpacked(inside, tmp_path):
    (tmp_path / "train.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"unpack train\.zip first" if inside else "unpack it and name the folder"):
        read(tmp_path if inside else tmp_path / "train.zip")


@pytest.mark.parametrize(
    "name",
    [
        "1.jpg", "1.JPEG", "noending", "n01.png.1", "film.mov", "raw.CR2", "a.pdf", "a.zip", "a.svg", "a.heic",
        "index.png", "Icon",
    ],
)  # fmt: skip
def test_what_may_be_a_picture_or_what_somebody_took_for_one_is_no_litter(name):
    assert litter_kind(name, False) is None


# names


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_class_in_composed_and_in_decomposed_letters_is_one_class(form, tmp_path):
    (one, other) = (unicodedata.normalize(each, "é") for each in (form, "NFD" if form == "NFC" else "NFC"))
    fill(
        tmp_path,
        f"train/{one}/1.png",
        f"train/{other}/2.png",
        f"train/{one}/3.png",
        "train/z/1.png",
        f"test/{other}/1.png",
    )
    dataset, lines = read(tmp_path)
    assert dataset.class_names == ("z", "é")
    assert dataset.train_names == ("train/z/1.png", f"train/{one}/1.png", f"train/{other}/2.png", f"train/{one}/3.png")
    assert dataset.test_labels.tolist() == [1]
    assert any("é is there in composed and in decomposed letters, and is one class" in line for line in lines)


def test_a_copy_on_a_file_system_of_another_unicode_form_is_the_same_data(tmp_path):
    for form in ("NFC", "NFD"):
        names = ("é/üa", "é/ub", "e/z", "ez/1")
        fill(
            tmp_path / form,
            *(unicodedata.normalize(form, f"{part}/{name}.png") for part in ("train", "test") for name in names),
        )
    composed, decomposed = (read(tmp_path / form)[0] for form in ("NFC", "NFD"))
    assert composed.fingerprint == decomposed.fingerprint
    assert composed.class_names == ("e", "ez", "é")
    assert decomposed.train_names[2] == unicodedata.normalize("NFD", "train/é/ub.png")


def test_relative_and_moved_places_are_the_same_data(tmp_path, monkeypatch):
    fill(tmp_path / "here", *classes("train", "test"))
    found = read(tmp_path / "here")[0]
    monkeypatch.chdir(tmp_path)
    relative, _ = read(Path("here"))
    inside = load_dataset("folder:here/../here/.")
    os.rename("here", "there")
    moved, _ = read(tmp_path / "there")
    for other in (relative, inside, moved):
        assert other.fingerprint == found.fingerprint
        assert other.train_names == found.train_names
        assert np.array_equal(other.train_images, found.train_images)
