"""`hf:`: what Hugging Face's own library saves, and Parquet as its Hub has it, with the right pixels and labels."""

import io
import json
import shutil
import struct
import unicodedata
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from memscope.datasets import load_dataset
from memscope.errors import DataError, OptionError

datasets = pytest.importorskip("datasets")
pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

RANDOM = np.random.default_rng(0)
NAMES = ["cat", "dog", "été"]
FEATURES = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)})


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    datasets.disable_progress_bars()


def pixels(count):
    return RANDOM.integers(0, 256, (count, 6, 5, 3), dtype=np.uint8)


def table(images, **columns):
    given = columns or {"label": [at % 3 for at in range(len(images))]}
    return datasets.Dataset.from_dict({"image": [Image.fromarray(one) for one in images], **given}, features=FEATURES)


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def lines_of(spec, **options):
    lines = []
    return load_dataset(spec, say=lines.append, **options), lines


def test_a_dictionary_of_splits_is_read_with_its_names(tmp_path):
    train, test = pixels(20), pixels(9)
    datasets.DatasetDict(train=table(train), test=table(test), validation=table(pixels(3))).save_to_disk(tmp_path / "d")
    found, lines = lines_of(f"hf:{tmp_path / 'd'}")
    assert (found.train_images == train).all()
    assert (found.test_images == test).all()
    assert found.train_labels.tolist() == [at % 3 for at in range(20)]
    assert found.class_names == tuple(NAMES)
    assert lines == [f"{tmp_path / 'd'}: the split test is the test set; validation left out"]


def test_several_files_of_a_selection_keep_their_order_and_a_test_set_is_held_out(tmp_path):
    images = pixels(30)
    chosen = list(RANDOM.permutation(30)[:24])
    table(images).select(chosen).save_to_disk(tmp_path / "d", num_shards=3)
    found, lines = lines_of(f"hf:{tmp_path / 'd'}")
    assert len(list((tmp_path / "d").glob("*.arrow"))) == 3
    assert (found.train_images == images[chosen][found.train_index]).all()
    assert (found.test_images == images[chosen][found.test_index]).all()
    assert (found.train_labels == np.array(chosen)[found.train_index] % 3).all()
    assert "has no test set" in lines[-1]


def test_parquet_as_the_hub_has_it(tmp_path):
    train, test = pixels(20), pixels(6)
    (tmp_path / "hub/data").mkdir(parents=True)
    for first in (0, 10):
        part = table(train).select(range(first, first + 10))
        part.to_parquet(tmp_path / f"hub/data/train-{first // 10:05d}-of-00002-0123456789abcdef.parquet")
    table(test).to_parquet(tmp_path / "hub/data/test-00000-of-00001-0123456789abcdef.parquet")
    (tmp_path / "hub/README.md").write_text("---\n")
    found, lines = lines_of(f"hf:{tmp_path / 'hub'}")
    assert (found.train_images == train).all()
    assert (found.test_images == test).all()
    assert found.class_names == tuple(NAMES)
    assert lines == []


def test_the_hubs_own_conversion_has_a_directory_for_each_split(tmp_path):
    for split, count in (("train", 12), ("test", 6)):
        (tmp_path / "default" / split).mkdir(parents=True)
        table(pixels(count)).to_parquet(tmp_path / "default" / split / "0000.parquet")
    found, _ = lines_of(f"hf:{tmp_path}")
    assert (len(found.train_labels), len(found.test_labels)) == (12, 6)


def test_parquet_of_others_with_plain_bytes_and_text_labels(tmp_path):
    images = pixels(12)
    columns = {"image": [png(one) for one in images], "label": [("b", "a")[at % 2] for at in range(12)]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "plain.parquet")
    found, _ = lines_of(f"hf:{tmp_path / 'plain.parquet'}")
    assert found.class_names == ("a", "b")
    assert (found.train_images == images[found.train_index]).all()
    assert (found.train_labels == 1 - found.train_index % 2).all()


def test_file_names_are_kept_and_pictures_are_read_as_they_are_seen(tmp_path):
    turned = Image.Exif()
    turned[0x112] = 6
    buffer = io.BytesIO()
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, :3] = 255
    Image.fromarray(wide).save(buffer, "PNG", exif=turned)
    rows = [{"bytes": buffer.getvalue(), "path": f"p{at}.png"} for at in range(8)]
    columns = {"image": rows, "label": [0, 1] * 4}
    parquet.write_table(pyarrow.table(columns), tmp_path / "train.parquet")
    parquet.write_table(pyarrow.table(columns), tmp_path / "test.parquet")
    found, lines = lines_of(f"hf:{tmp_path}")
    assert found.train_names == tuple(f"p{at}.png" for at in range(8))
    assert found.image_shape == (8, 4, 3)
    assert found.train_images[0, :3].min() == 255
    assert found.train_images[0, 3:].max() == 0
    assert "are turned or mirrored as their EXIF orientation says" in lines[0]


def test_colours_of_12_bits_in_16_are_read_from_a_table_as_from_a_file(tmp_path):
    deep = RANDOM.integers(0, 4096, (12, 6, 5, 3), dtype=np.uint16)
    content = [sixteen_bit_png(one) for one in deep]
    (tmp_path / "table").mkdir()
    parquet.write_table(pyarrow.table({"image": content, "label": [0, 1] * 6}), tmp_path / "table" / "train.parquet")
    for at, one in enumerate(content):
        place = tmp_path / "files" / "train" / str(at % 2)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{at:02d}.png").write_bytes(one)
    found, lines = lines_of(f"hf:{tmp_path / 'table'}")
    assert any("use values up to" in line for line in lines)
    expected = np.rint(deep[found.train_index] * (255 / 4095))
    assert np.abs(found.train_images.astype(int) - expected).max() <= 1
    of_files, _ = lines_of(f"folder:{tmp_path / 'files'}")
    assert sorted(one.tobytes() for one in found.train_images) == sorted(one.tobytes() for one in of_files.train_images)


def sixteen_bit_png(pixels):
    """A PNG of 16-bit colours, which Pillow reads and does not write."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_text_labels_in_two_unicode_forms_and_numbers_from_1_are_made_plain(tmp_path):
    content = [png(one) for one in pixels(12)]
    both = [unicodedata.normalize(("NFC", "NFD")[at % 2], ("été", "hiver")[at // 6]) for at in range(12)]
    parquet.write_table(pyarrow.table({"image": content, "label": both}), tmp_path / "texts.parquet")
    found, _ = lines_of(f"hf:{tmp_path / 'texts.parquet'}")
    assert found.class_names == ("hiver", "été")
    parquet.write_table(pyarrow.table({"image": content, "label": [1, 2, 4] * 4}), tmp_path / "numbers.parquet")
    found, lines = lines_of(f"hf:{tmp_path / 'numbers.parquet'}")
    assert found.class_names == ("1", "2", "4")
    assert "go from 1 to 4" in lines[0]


def test_a_test_split_without_labels_is_left_out(tmp_path):
    blind = table(pixels(5), label=[-1] * 5)
    datasets.DatasetDict(train=table(pixels(12)), test=blind, validation=table(pixels(6))).save_to_disk(tmp_path / "d")
    found, lines = lines_of(f"hf:{tmp_path / 'd'}")
    assert len(found.test_labels) == 6
    assert lines[0].endswith("the split test has no labels and is left out")


@pytest.mark.parametrize(
    ("features", "rows", "message"),
    [
        (
            {"text": "string", "label": "int64"},
            {"text": ["a", "b"], "label": [0, 1]},
            "it is no data set of images and",
        ),
        ({"image": "binary", "caption": "string"}, {"image": [b"x"], "caption": ["y"]}, "expected one of labels"),
        (
            {"image": "binary", "label": "list"},
            {"image": [b"x"], "label": [[0, 1]]},
            "its column 'label' holds list.* expected one class an image",
        ),
        (
            {"image": "binary", "label": "double"},
            {"image": [b"x"], "label": [0.5]},
            "its column 'label' holds double, expected one class an image",
        ),
        (
            {"image": "list", "label": "int64"},
            {"image": [[1, 2]], "label": [0]},
            r"its column 'image' holds list.*, expected encoded images; save dataset.cast_column\('image'",
        ),
        (
            {"image": "binary", "label": "int64"},
            {"image": [b"x", None], "label": [0, 1]},
            "2 of its 2 images cannot be",
        ),
        (
            {"image": "binary", "label": "int64"},
            {"image": [b"x", b"y"], "label": [0, None]},
            "1 image without a label, expected one for each; leave those rows out",
        ),
    ],
)
def test_what_is_no_image_classification_is_refused_in_one_line(tmp_path, features, rows, message):
    parquet.write_table(pyarrow.table(rows), tmp_path / "train.parquet")
    with pytest.raises(DataError, match=message):
        load_dataset(f"hf:{tmp_path}")


def test_places_that_hold_no_data_set_are_told(tmp_path):
    with pytest.raises(DataError, match=r"found nothing, expected a directory or a .parquet file"):
        load_dataset(f"hf:{tmp_path / 'missing'}")
    with pytest.raises(DataError, match=r"found neither dataset_dict.json nor state.json nor .parquet files"):
        load_dataset(f"hf:{tmp_path}")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        table(pixels(6)).to_parquet(tmp_path / name / "train-00000-of-00001.parquet")
    with pytest.raises(DataError, match="found the split train in a, b; name one of them: hf:"):
        load_dataset(f"hf:{tmp_path}")
    shutil.rmtree(tmp_path / "b")
    (tmp_path / "a" / "train-00000-of-00001.parquet").rename(tmp_path / "a" / "other.parquet")
    table(pixels(6)).to_parquet(tmp_path / "a" / "more.parquet")
    with pytest.raises(DataError, match="found the splits more, other, expected train; rename one"):
        load_dataset(f"hf:{tmp_path}")


def test_images_that_lie_elsewhere_are_never_opened(tmp_path):
    Image.fromarray(pixels(1)[0]).save(tmp_path / "secret.png")
    rows = [{"bytes": None, "path": str(tmp_path / "secret.png")}] * 4
    kind = pyarrow.schema(
        [
            ("image", pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])),
            ("label", pyarrow.int64()),
        ]
    )
    columns = pyarrow.table({"image": rows, "label": [0, 1, 0, 1]}, schema=kind)
    parquet.write_table(columns, tmp_path / "train.parquet")
    with pytest.raises(DataError, match="the table names a file and holds no image"):
        load_dataset(f"hf:{tmp_path}")


def test_unreadable_images_are_named_together_and_can_be_left_out(tmp_path):
    content = [png(one) for one in pixels(12)]
    content[3] = content[7] = b"no image"
    parquet.write_table(pyarrow.table({"image": content, "label": [0, 1, 2] * 4}), tmp_path / "train.parquet")
    with pytest.raises(DataError, match=r"2 of its 12 images cannot be read: .*train, row 3.*--skip-unreadable"):
        load_dataset(f"hf:{tmp_path}")
    found, lines = lines_of(f"hf:{tmp_path}", skip_unreadable=True)
    assert sorted([*found.train_index, *found.test_index]) == [0, 1, 2, 4, 5, 6, 8, 9, 10, 11]
    assert (found.train_labels == found.train_index % 3).all()
    assert ": left out as unreadable 2 of 12: " in lines[0]


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_damaged_files_end_in_data_or_in_one_line(tmp_path, kind):
    if kind == "arrow":
        table(pixels(12)).save_to_disk(tmp_path / "d")
        file = tmp_path / "d" / "data-00000-of-00001.arrow"
    else:
        (tmp_path / "d").mkdir()
        file = tmp_path / "d" / "train.parquet"
        table(pixels(12)).to_parquet(file)
    whole = file.read_bytes()
    read = 0
    for case in range(60):
        random = np.random.default_rng(case)
        broken = bytearray(whole)
        if case % 3 == 0:
            del broken[int(random.integers(1, len(whole))) :]
        for _ in range(1 if case % 2 else 20):
            if broken:
                broken[int(random.integers(0, len(broken)))] = int(random.integers(0, 256))
        file.write_bytes(bytes(broken))
        with suppress(DataError):
            lines_of(f"hf:{tmp_path / 'd'}")
            read += 1
    assert read < 50


def test_a_state_that_names_files_elsewhere_is_refused(tmp_path):
    table(pixels(6)).save_to_disk(tmp_path / "d")
    state = json.loads((tmp_path / "d/state.json").read_text())
    state["_data_files"] = [{"filename": "../d/data-00000-of-00001.arrow"}]
    (tmp_path / "d/state.json").write_text(json.dumps(state))
    with pytest.raises(DataError, match=r"state.json: names no data files"):
        load_dataset(f"hf:{tmp_path / 'd'}")
    (tmp_path / "d/state.json").write_text("[" * 100000)
    with pytest.raises(DataError, match=r"state.json: cannot be read"):
        load_dataset(f"hf:{tmp_path / 'd'}")


def test_without_pyarrow_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(OptionError, match=r"hf: needs pyarrow, .*; pip install 'memscope-ml\[hf\]'"):
        load_dataset(f"hf:{tmp_path}")
