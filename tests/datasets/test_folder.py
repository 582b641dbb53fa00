import errno
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memscope.datasets import load_dataset
from memscope.datasets.folder_first import as_stored
from memscope.errors import DataError


def picture(seed: int, size: tuple[int, int] = (6, 5), grey: bool = False) -> Image.Image:
    height, width = size
    values = np.random.default_rng(seed).integers(0, 256, (height, width) if grey else (height, width, 3))
    return Image.fromarray(values.astype(np.uint8))


def make(directory: Path, grey: bool = False, test: str = "test") -> None:
    """Two training images of each of "cat" and "ant", one test image of "cat"."""
    names = ("train/cat/b.png", "train/cat/a.png", "train/ant/1.png", "train/ant/2.png", f"{test}/cat/x.png")
    for seed, name in enumerate(names):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(seed, grey=grey).save(path)


@pytest.mark.parametrize("test", ["test", "val"])
def test_examples_come_sorted_by_class_then_name_and_keep_their_names(test, tmp_path):
    make(tmp_path, test=test)
    (tmp_path / "train/cat/.DS_Store").write_text("hidden")
    (tmp_path / "train/.hidden").mkdir()
    dataset = load_dataset(f"folder:{tmp_path}")
    assert dataset.class_names == ("ant", "cat")
    assert dataset.train_names == ("train/ant/1.png", "train/ant/2.png", "train/cat/a.png", "train/cat/b.png")
    assert dataset.test_names == (f"{test}/cat/x.png",)
    assert dataset.train_labels.tolist() == [0, 0, 1, 1]
    assert dataset.test_labels.tolist() == [1]
    assert dataset.train_index.tolist() == [0, 1, 2, 3]
    for position, seed in enumerate((2, 3, 1, 0)):
        assert (dataset.train_images[position] == np.asarray(picture(seed))).all()
    assert (dataset.test_images[0] == np.asarray(picture(4))).all()


def test_all_grey_gives_one_channel_and_one_colour_image_makes_all_rgb(tmp_path):
    make(tmp_path, grey=True)
    dataset = load_dataset(f"folder:{tmp_path}")
    assert dataset.image_shape == (6, 5, 1)
    assert (dataset.train_images[0, :, :, 0] == np.asarray(picture(2, grey=True))).all()
    picture(9).save(tmp_path / "train/ant/3.png")
    mixed = load_dataset(f"folder:{tmp_path}")
    assert mixed.image_shape == (6, 5, 3)
    assert (mixed.train_images[0] == np.asarray(picture(2, grey=True))[:, :, None]).all()
    assert (mixed.train_images[2] == np.asarray(picture(9))).all()


def test_other_formats_and_modes_are_read(tmp_path):
    make(tmp_path)
    values = np.asarray(picture(7))
    picture(7).convert("RGBA").save(tmp_path / "train/ant/rgba.png")
    picture(7).save(tmp_path / "train/ant/x.bmp")
    picture(7).save(tmp_path / "train/ant/y.tiff")
    picture(7).save(tmp_path / "train/ant/z.webp", lossless=True)
    dataset = load_dataset(f"folder:{tmp_path}")
    for name in ("rgba.png", "x.bmp", "y.tiff", "z.webp"):
        position = dataset.train_names.index(f"train/ant/{name}")
        assert (dataset.train_images[position] == values).all()


def test_image_size_resizes_the_short_side_and_cuts_the_centre(tmp_path):
    make(tmp_path)
    values = np.zeros((8, 24, 3), np.uint8)
    values[:, 8:16] = 200  # the centre third
    Image.fromarray(values).save(tmp_path / "train/ant/wide.png")
    Image.fromarray(values.transpose(1, 0, 2)).save(tmp_path / "train/ant/tall.png")
    dataset = load_dataset(f"folder:{tmp_path}", image_size=4)
    assert dataset.image_shape == (4, 4, 3)
    for name in ("wide", "tall"):
        image = dataset.train_images[dataset.train_names.index(f"train/ant/{name}.png")]
        assert (image[1:3, 1:3] == 200).all()
        assert image.mean() > 150
    assert load_dataset(f"folder:{tmp_path}", image_size=9).image_shape == (9, 9, 3)


def test_different_sizes_without_image_size_are_named(tmp_path):
    make(tmp_path)
    picture(8, (7, 5)).save(tmp_path / "train/ant/0.png")  # the first: what is usual is not what comes first
    picture(9, (7, 9)).save(tmp_path / "train/cat/c.png")
    sizes = r"its 7 images have 3 sizes \(height x width\): 5 of 6 x 5, 1 of 7 x 5, 1 of 7 x 9; the first that differs"
    with pytest.raises(DataError, match=sizes + r" is .*train/ant/0\.png; expected one size, pass --image-size"):
        load_dataset(f"folder:{tmp_path}")
    (tmp_path / "test/cat/y.png").write_text("no picture")
    with pytest.raises(DataError, match=r"its 7 images have 3 .* besides, 1 file cannot be read; .*--image-size"):
        load_dataset(f"folder:{tmp_path}")


def test_once_sizes_differ_only_headers_are_read(tmp_path, monkeypatch):
    from memscope.datasets import decoding

    make(tmp_path)
    picture(9, (7, 5)).save(tmp_path / "train/ant/0.png")
    for number in range(40):
        picture(number).save(tmp_path / f"train/cat/{number}.png")
    monkeypatch.setattr(decoding, "cores", lambda: 1)
    seen = []
    monkeypatch.setattr("memscope.datasets.folder.as_seen", lambda *image: seen.append(1) or as_stored(*image))
    with pytest.raises(DataError, match="46 images have 2 sizes"):
        load_dataset(f"folder:{tmp_path}")
    assert len(seen) == 3  # the first for its size and for its pixels, and the one that differs


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(999))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [9_000, 100_000])
def test_a_decompression_bomb_is_refused(side, tmp_path):
    make(tmp_path)
    (tmp_path / "train/cat/bomb.png").write_bytes(bomb(side, side))
    with pytest.raises(DataError, match=r"bomb\.png: .*(remove it)") as caught:
        load_dataset(f"folder:{tmp_path}", image_size=4)
    assert "\n" not in str(caught.value)


def test_images_that_would_not_fit_in_memory_are_refused_before_allocating(tmp_path, monkeypatch):
    make(tmp_path)
    monkeypatch.setattr("os.sysconf", lambda name: 16)  # a machine of 256 bytes
    with pytest.raises(DataError, match=r"its 5 images of 6 x 5 need .* pass --image-size"):
        load_dataset(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    "content",
    [b"not an image", bomb(5, 6)[:45], b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0 half a jpeg"],
)
def test_an_unreadable_image_is_named(content, tmp_path):
    make(tmp_path)
    (tmp_path / "train/cat/broken.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"cat/broken\.jpg: cannot be read as an image.*replace or remove it") as caught:
        load_dataset(f"folder:{tmp_path}")
    assert "\n" not in str(caught.value)


def test_a_truncated_image_is_named(tmp_path):
    make(tmp_path)
    path = tmp_path / "test/cat/x.png"
    picture(1, (6, 5)).save(path, format="jpeg")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"test/cat/x\.png: cannot be read as an image \(.*truncated"):
        load_dataset(f"folder:{tmp_path}")


def test_all_unreadable_images_are_named_together_and_can_be_skipped(tmp_path):
    make(tmp_path)
    for number in range(5):
        (tmp_path / f"train/cat/film{number}.MOV").write_bytes(b"\0\0\0\x14ftypqt  ")
    picture(1).save(tmp_path / "train/ant/3.jpg")
    whole = (tmp_path / "train/ant/3.jpg").read_bytes()
    (tmp_path / "train/ant/3.jpg").write_bytes(whole[:-40])
    (tmp_path / "test/cat/gone.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError) as caught:
        load_dataset(f"folder:{tmp_path}")
    message = str(caught.value)
    assert (
        "7 of its 12 files cannot be read as images: 5 *.mov (train/cat/film0.MOV, train/cat/film1.MOV and 3" in message
    )
    assert "truncated" in message
    assert "(train/ant/3.jpg)" in message
    assert "1 a link that leads nowhere (test/cat/gone.png)" in message
    assert message.endswith("convert or remove them, or go on without them: --skip-unreadable")
    lines = []
    dataset = load_dataset(f"folder:{tmp_path}", skip_unreadable=True, say=lines.append)
    assert dataset.train_names == ("train/ant/1.png", "train/ant/2.png", "train/cat/a.png", "train/cat/b.png")
    assert dataset.test_names == ("test/cat/x.png",)
    assert dataset.train_index.tolist() == [0, 1, 3, 4]  # the one between could not be read
    for position, seed in enumerate((2, 3, 1, 0)):
        assert (dataset.train_images[position] == np.asarray(picture(seed))).all()
    assert (dataset.test_images[0] == np.asarray(picture(4))).all()
    (line,) = lines
    assert ": left out as unreadable 7 of 12: 5 *.mov (" in line


def test_file_names_in_another_encoding_are_named_together(tmp_path):
    make(tmp_path)
    for name in (b"caf\xe9.png", b"na\xefve.png", b"\xfc.png"):
        picture(1).save(os.fsdecode(os.fsencode(tmp_path / "train/cat") + b"/" + name))
    for skip in (False, True):
        with pytest.raises(
            DataError,
            match=r"3 of its 8 files have names that are not UTF-8 \(.*caf\\udce9\.png.* and 1 more\).*convmv -r ",
        ):
            load_dataset(f"folder:{tmp_path}", skip_unreadable=skip)


def test_a_class_that_skipping_would_empty_is_named(tmp_path):
    make(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"train/cat/{name}.png").write_text("no picture")
    with pytest.raises(
        DataError, match=r"no file of class 'cat' can be read as .*2 \*\.png that are none .*remove the class"
    ):
        load_dataset(f"folder:{tmp_path}", skip_unreadable=True)
    with pytest.raises(
        DataError, match=r"2 of its 5 files cannot be read .*, all files of class 'cat' among them.* or replace them$"
    ):  # --skip-unreadable, which would be refused, is not proposed
        load_dataset(f"folder:{tmp_path}")
    make(tmp_path)
    (tmp_path / "test/cat/x.png").write_text("no picture")
    with pytest.raises(DataError, match=r"or remove it, the only file of class 'cat' in the test set$"):
        load_dataset(f"folder:{tmp_path}")
    with pytest.raises(DataError, match=r"no file of class 'cat' in the test set can be read"):
        load_dataset(f"folder:{tmp_path}", skip_unreadable=True)


def test_a_folder_of_nothing_readable_is_refused_in_one_line(tmp_path):
    for name in ("cat", "dog", "eel", "fox", "gnu"):
        for number in range(30):
            path = _made(tmp_path / name / f"{'long name ' * 20}{number}.{'abcdefgh'[number % 8]}")
            path.write_text("no picture")
    for skip in (False, True):
        with pytest.raises(
            DataError, match=r"(no file|all files) of class 'cat', class 'dog', .* and 1 more .*(replace|remove)"
        ) as caught:
            load_dataset(f"folder:{tmp_path}", skip_unreadable=skip)
        assert len(str(caught.value)) <= 1000


def test_shortage_of_memory_or_of_open_files_is_no_unreadable_file(tmp_path, monkeypatch):
    """Else --skip-unreadable would drop whatever was being read just then."""
    make(tmp_path)
    for error in (MemoryError(), OSError(errno.EMFILE, "Too many open files")):

        def fail(image, bits, error=error):
            raise error

        monkeypatch.setattr("memscope.datasets.folder.as_seen", fail)
        with pytest.raises(DataError, match=r"needs more memory|cannot be read \(\[Errno"):
            load_dataset(f"folder:{tmp_path}", skip_unreadable=True)


def test_a_folder_with_one_class_is_refused(tmp_path):
    picture(0).save(_made(tmp_path / "train/cat/a.png"))
    picture(0).save(_made(tmp_path / "test/cat/a.png"))
    with pytest.raises(DataError, match="found only the class 'cat', expected at least 2"):
        load_dataset(f"folder:{tmp_path}")


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_a_test_class_that_train_lacks_is_refused(tmp_path):
    make(tmp_path)
    picture(0).save(_made(tmp_path / "test/dog/a.png"))
    with pytest.raises(DataError, match=r"found the class 'dog', which .*train does not have"):
        load_dataset(f"folder:{tmp_path}")


def test_an_empty_class_or_part_is_refused(tmp_path):
    make(tmp_path)
    (tmp_path / "train/bee").mkdir()
    with pytest.raises(DataError, match="train/bee: found no images, expected some in the folder of each class"):
        load_dataset(f"folder:{tmp_path}")
    (tmp_path / "train/bee").rmdir()
    (tmp_path / "test/cat/x.png").unlink()
    with pytest.raises(DataError, match="test: found no images"):
        load_dataset(f"folder:{tmp_path}")


def test_what_lies_under_the_names_of_pictures_is_named_and_reasons_of_one_kind_are_counted_together(tmp_path):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for at in range(3):
                values = np.full((4, 4), 70_000 + 100 * at + len(part), np.int32)
                Image.fromarray(values).save(folder / f"{at}.tif")
            (folder / "pointer.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:1f\nsize 9\n")
            (folder / "page.jpg").write_bytes(b"<html><head>")
    with pytest.raises(DataError) as refused:
        load_dataset(f"folder:{tmp_path}")
    assert "12 it has 32-bit values from 70005 to 70005, outside 0 to 65535 (train/cat/0.tif" in str(refused.value)
    assert "4 a Git LFS pointer (train/cat/pointer.png" in str(refused.value)
    assert "4 a web page (train/cat/page.jpg" in str(refused.value)
