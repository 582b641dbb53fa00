"""`hf:DIR`: a data set saved by Hugging Face's `datasets` (`save_to_disk`), or Parquet files as its Hub has them.

Both hold tables with a column of encoded images and one of labels. pyarrow reads them; `datasets` itself is not needed,
which would copy Parquet files into a cache of its own. Nothing in a table is run, and no file that it names is opened.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from memscope.datasets.appearance import as_seen
from memscope.datasets.checks import assemble
from memscope.datasets.decoding import Encoded, decode, readable
from memscope.datasets.image_dataset import ImageDataset
from memscope.datasets.plain_arrays import numbered
from memscope.datasets.reading import Reading
from memscope.datasets.remarks import grouped, remarks
from memscope.errors import DataError, OptionError
from memscope.files.limits import memory_bytes
from memscope.text import composed, counted

TEST = ("test", "testing", "validation", "valid", "val", "eval", "dev")
"""Splits that can be the test set, the first that is there and has labels"""
IMAGE_COLUMNS = ("image", "img", "images")
LABEL_COLUMNS = ("label", "labels", "fine_label", "class", "target", "category")
LARGEST_JSON = 2**24
SHARD = re.compile(r"(.+?)(-\d{5}-of-\d{5}.*)?\.parquet")
"""`train-00000-of-00001-0f1e2d3c.parquet` is a piece of `train`"""


@dataclass(frozen=True)
class Split:
    """A table of images: `images` [N], each a struct of bytes and path or plain bytes, and `labels` [N]."""

    place: Path
    images: Any
    labels: Any
    class_names: list[str] | None
    """Where the file's features name them"""


def load_hugging_face(spec: str, directory: Path, reading: Reading) -> ImageDataset:
    """Read the split `train`, or the only one there is, and the first of `TEST` that has labels."""
    try:
        import pyarrow
    except ImportError as error:
        raise OptionError(
            f"{spec}: hf: needs pyarrow, which is not installed ({error}); pip install 'memscope-ml[hf]'"
        ) from error
    try:
        found = files_of_splits(directory)
        names = [one for one in ("train", "training") if one in found] or list(found)[: len(found) == 1]
        name = names[0] if names else None
        if name is None:
            raise DataError(f"{directory}: found the splits {', '.join(found)}, expected train; rename one")
        train = read_split(found[name])
        test = first_with_labels(directory, found, train, reading)
        return assembled(spec, directory, train, test, reading)
    except DataError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, IndexError) as error:  # of damaged names and counts
        reason = str(error).partition("\n")[0][:200]
        raise DataError(
            f"{directory}: cannot be read ({reason}); save it again, or get it again: git lfs pull, if there are "
            "pointers of Git LFS in place of its files"
        ) from error


def files_of_splits(directory: Path) -> dict[str, list[Path]]:
    """The Arrow or Parquet files of each split."""
    if directory.is_file() and directory.suffix == ".parquet":
        return {"train": [directory]}
    if not directory.is_dir():
        found = "a file" if directory.exists() else "nothing"
        raise DataError(
            f"{directory}: found {found}, expected a directory or a .parquet file; check the path, for nothing is "
            "downloaded"
        )
    if (directory / "dataset_dict.json").is_file():
        splits = json_in(directory / "dataset_dict.json").get("splits")
        if not isinstance(splits, list) or not all(isinstance(one, str) and Path(one).name == one for one in splits):
            raise DataError(f"{directory / 'dataset_dict.json'}: names no splits; save the data set again")
        return {one: arrow_files(directory / one) for one in splits}
    if (directory / "state.json").is_file():
        return {"train": arrow_files(directory)}
    splits = {}
    for path in sorted(directory.rglob("*.parquet")):
        if (match := SHARD.fullmatch(path.name)) is None:
            continue
        # the Hub's own conversion calls its files 0000.parquet, in a directory for each split
        split = path.parent.name if match[1].isdecimal() and path.parent != directory else match[1]
        splits.setdefault(split, []).append(path)
    for split, files in splits.items():
        places = sorted({file.parent.parent if file.stem.isdecimal() else file.parent for file in files})
        if len(places) > 1:
            named = ", ".join(str(place.relative_to(directory)) for place in places[:5])
            raise DataError(f"{directory}: found the split {split} in {named}; name one of them: hf:{places[0]}")
    if not splits:
        raise DataError(
            f"{directory}: found neither dataset_dict.json nor state.json nor .parquet files, expected a data set that "
            "datasets' save_to_disk has made, or Parquet; for images in folders use folder:"
        )
    return splits


def arrow_files(directory: Path) -> list[Path]:
    """Those that `state.json` lists, in its order."""
    state = json_in(directory / "state.json")
    files = state.get("_data_files")
    names = [one.get("filename") if isinstance(one, dict) else None for one in files] if isinstance(files, list) else []
    if not names or not all(isinstance(one, str) and Path(one).name == one for one in names):
        raise DataError(f"{directory / 'state.json'}: names no data files; save the data set again")
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise DataError(
            f"{directory}: is a selection from a larger table; save dataset.flatten_indices() in place of dataset"
        )
    return [directory / str(name) for name in names]


def json_in(path: Path) -> dict[str, Any]:
    """The object in a JSON file; DataError where there is none."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(LARGEST_JSON))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read ({error}); save the data set again") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: found no object; save the data set again")
    return content


def read_split(files: Sequence[Path]) -> Split:
    """The two columns of a split, from all its files."""
    import pyarrow

    schema = schema_of(files[0])
    features = features_of(schema)
    image = column(files[0], schema.names, features, "Image", IMAGE_COLUMNS, "images")
    label = column(files[0], schema.names, features, "ClassLabel", LABEL_COLUMNS, "labels")
    stored = schema.field(image).type
    if pyarrow.types.is_struct(stored) and stored.get_field_index("bytes") >= 0:
        stored = stored.field("bytes").type
    if not (pyarrow.types.is_binary(stored) or pyarrow.types.is_large_binary(stored)):
        raise DataError(
            f"{files[0]}: its column {image!r} holds {str(stored)[:60]}, expected encoded images; "
            f"save dataset.cast_column({image!r}, datasets.Image())"
        )
    kind = schema.field(label).type
    if pyarrow.types.is_dictionary(kind):
        kind = kind.value_type
    plain = pyarrow.types.is_integer(kind) or pyarrow.types.is_boolean(kind)
    if not (plain or pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
        raise DataError(
            f"{files[0]}: its column {label!r} holds {str(kind)[:60]}, expected one class an image, as a number or a "
            "text; memscope reads data sets for classification"
        )
    tables = [table_of(file, [image, label]) for file in files]
    if any(not table.schema.equals(tables[0].schema) for table in tables):
        raise DataError(f"{files[0].parent}: its files have different columns; save the data set again")
    table = pyarrow.concat_tables(tables)
    table.validate(full=True)  # of a damaged file, before anything trusts its offsets
    names = features.get(label, {}).get("names")
    known = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return Split(files[0], table.column(image), table.column(label), names if known else None)


def schema_of(file: Path) -> Any:
    import pyarrow
    import pyarrow.parquet

    if file.suffix == ".parquet":
        return pyarrow.parquet.read_schema(file)
    with pyarrow.memory_map(str(file)) as mapped, pyarrow.ipc.open_stream(mapped) as stream:
        return stream.schema


def table_of(file: Path, columns: list[str]) -> Any:
    """These columns of a file; what a Parquet file says that they take unpacked is held against the memory first."""
    import pyarrow
    import pyarrow.parquet

    if file.suffix != ".parquet":
        with pyarrow.memory_map(str(file)) as mapped, pyarrow.ipc.open_stream(mapped) as stream:
            return stream.read_all().select(columns)
    parquet = pyarrow.parquet.ParquetFile(file)
    unpacked = sum(parquet.metadata.row_group(one).total_byte_size for one in range(parquet.num_row_groups))
    if unpacked > memory_bytes() // 2:
        raise DataError(
            f"{file}: unpacks to {unpacked / 2**30:.1f} GiB, expected at most half of the memory "
            f"({memory_bytes() / 2**31:.1f} GiB); take fewer images"
        )
    return parquet.read(columns=columns)


def features_of(schema: Any) -> dict[str, dict[str, Any]]:
    """What `datasets` noted of each column: its `_type` and, of class labels, their `names`."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {name: one for name, one in features.items() if isinstance(one, dict)}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}  # a file that others have written


def column(
    file: Path, columns: list[str], features: dict[str, dict[str, Any]], kind: str, usual: Sequence[str], what: str
) -> str:
    """The column of images or of labels: the only one of its kind, or the first usual name."""
    of_kind = [name for name in columns if features.get(name, {}).get("_type") == kind]
    candidates = of_kind if len(of_kind) == 1 else [name for name in usual if name in (of_kind or columns)]
    if not candidates:
        listed = ", ".join(map(repr, columns[:8])) or "none"
        raise DataError(
            f"{file}: found the columns {listed}, expected one of {what} ({' or '.join(usual)}); it is no data set of "
            "images and their classes, or rename the column"
        )
    return candidates[0]


def first_with_labels(directory: Path, found: dict[str, list[Path]], train: Split, reading: Reading) -> Split | None:
    """The test set; None where no split has labels. The Hub's test sets often have -1 in their place."""
    blind: list[str] = []
    for name in TEST:
        if name not in found:
            continue
        split = read_split(found[name])
        if split.labels.null_count == len(split.labels) or split.labels.unique().to_pylist() == [-1]:
            reading.say(f"{directory}: the split {name} has no labels and is left out")
            blind.append(name)
            continue
        if [composed(one) for one in split.class_names or ()] != [composed(one) for one in train.class_names or ()]:
            raise DataError(f"{directory}: the splits train and {name} have different classes; expected the same")
        others = [other for other in found if other not in ("train", "training", name, *blind)]
        if others:
            reading.say(f"{directory}: the split {name} is the test set; {', '.join(others)} left out")
        return split
    return None


def assembled(spec: str, directory: Path, train: Split, test: Split | None, reading: Reading) -> ImageDataset:
    """Decode the images of both splits and check them."""
    splits = [train] if test is None else [train, test]
    names = train.class_names
    for split in splits:
        if split.labels.null_count:
            raise DataError(
                f"{split.place}: {counted(split.labels.null_count, 'image')} without a label, expected one for each; "
                "leave those rows out"
            )
    labels = [labels_of(split) for split in splits]
    if names is None:
        found = numbered(directory, labels[0], None if test is None else labels[1], None, reading.say)
        labels, names = [part for part in found[:2] if part is not None], found[2]
    sources = [one for split in splits for one in encoded(directory, split)]
    decoded = decode(directory, sources, reading.image_size, as_seen)
    names_of_all = [one.name for one in sources]
    for line in remarks(directory, names_of_all, decoded):
        if not decoded.unreadable or reading.skip_unreadable:
            reading.say(line)
    if decoded.unreadable and not reading.skip_unreadable:
        raise DataError(
            f"{directory}: {len(decoded.unreadable):,} of its {len(sources):,} images cannot be read: "
            f"{grouped(names_of_all, decoded.unreadable)}; replace them, or go on without them: --skip-unreadable"
        )
    kept, images = readable(decoded)
    first = kept < len(labels[0])
    split_at = int(first.sum())
    paths = [paths_of(split) for split in splits]
    return assemble(
        spec,
        directory,
        (images[:split_at], labels[0][kept[first]]),
        None if test is None else (images[split_at:], labels[1][kept[~first] - len(labels[0])]),
        names,
        train_index=kept[first],
        test_index=None if test is None else kept[~first] - len(labels[0]),
        train_names=chosen(paths[0], kept[first]),
        test_names=None if test is None else chosen(paths[1], kept[~first] - len(labels[0])),
    )


def labels_of(split: Split) -> Any:
    """Whole numbers int64 [N], or N texts in Unicode's composed form."""
    labels = split.labels.to_pylist()
    if labels and isinstance(labels[0], str):
        return [composed(one) for one in labels]
    return np.array(labels).astype(np.int64)


def encoded(directory: Path, split: Split) -> list[Encoded]:
    """The images of a split, each read when it is decoded."""
    paths, name = paths_of(split), split.place.stem

    def read(position: int) -> bytes:
        value = split.images[position].as_py()
        content = value.get("bytes") if isinstance(value, dict) else value
        if content is None:
            raise ValueError("the table names a file and holds no image; save it with the images inside")
        return bytes(content)

    return [
        Encoded(f"{name}, row {at}" if paths is None else f"{name}, {paths[at]}", partial(read, at))
        for at in range(len(split.labels))
    ]


def paths_of(split: Split) -> list[str] | None:
    """The file names that the images had, if all have one."""
    import pyarrow
    import pyarrow.compute

    kind = split.images.type
    if not pyarrow.types.is_struct(kind) or kind.get_field_index("path") < 0:
        return None
    paths = pyarrow.compute.struct_field(split.images, "path").to_pylist()
    return paths if all(isinstance(one, str) and one for one in paths) else None


def chosen(names: list[str] | None, positions: np.ndarray) -> list[str] | None:
    return None if names is None else [names[one] for one in positions]
