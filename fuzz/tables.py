"""What `hf:` reads: Parquet, and directories as Hugging Face's `datasets` saves them, damaged and odd."""

import io
import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image

from fuzz.damage import TEXTS, damaged

ODD_COLUMNS: dict[str, list[Any]] = {
    "label": [[0.5] * 12, [[0, 1]] * 12, ["a", "b", "d\x1b[31m"] * 4, [True, False] * 6, [None] * 12, [-1] * 12, [2**40] * 12],
    "image": [[[1, 2]] * 12, ["x"] * 12, [None] * 12, [b""] * 12, [{"path": "/etc/passwd", "bytes": None}] * 12],
}  # fmt: skip


@cache
def pictures(count: int) -> tuple[bytes, ...]:
    random, found = np.random.default_rng(count), []
    for _ in range(count):
        buffer = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (5, 4, 3), dtype=np.uint8)).save(buffer, "PNG")
        found.append(buffer.getvalue())
    return tuple(found)


def table(random: Random, count: int) -> Any:
    """A split of three classes, its images with or without names; of one in five a column is odd."""
    content = list(pictures(count))
    if random.random() < 0.3:
        at = random.randrange(count)
        content[at] = damaged(random, content[at], head=40)
    images = (
        content if random.random() < 0.3 else [{"bytes": one, "path": f"{at}.png"} for at, one in enumerate(content)]
    )
    columns: dict[str, Any] = {"image": images, "label": [at % 3 for at in range(count)]}
    if random.random() < 0.2:
        name = random.choice(("image", "label"))
        columns[name] = (random.choice(ODD_COLUMNS[name]) * count)[:count]
    if random.random() < 0.1:
        columns[random.choice(TEXTS).decode("latin-1")] = columns.pop(random.choice(("image", "label")))
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dög", "eel"]}}
    if random.random() < 0.2:
        features["label"]["names"] = random.choice((None, [], ["a"], [1, 2, 3], ["x", "x", "y"], "abc"))
    noted = json.dumps({"info": {"features": features}}).encode()
    found = pyarrow.table(columns)
    return found.replace_schema_metadata({b"huggingface": random.choice((noted, noted, damaged(random, noted), b"{"))})


def write_hf(random: Random, directory: Path) -> str:
    """A data set of one or two splits, a file or two of it damaged."""
    parquet = random.random() < 0.5
    splits = random.choice((["train"], ["train", "test"], ["train", "test"], ["train", "validation"]))
    written: list[Path] = []
    for split in splits:
        buffer = io.BytesIO()
        found = table(random, 12 if split == "train" else 6)
        if parquet:
            pyarrow.parquet.write_table(found, buffer)
            written.append(directory / f"{split}-00000-of-00001.parquet")
        else:
            folder = directory / split
            folder.mkdir()
            with pyarrow.ipc.new_stream(buffer, found.schema) as stream:
                stream.write_table(found)
            written += [folder / "data-00000-of-00001.arrow", folder / "state.json"]
            state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}
            written[-1].write_text(json.dumps(state))
        data = written[-1 if parquet else -2]
        data.write_bytes(buffer.getvalue())
    if not parquet:
        written.append(directory / "dataset_dict.json")
        written[-1].write_text(json.dumps({"splits": splits}))
    for _ in range(random.choice((0, 1, 1, 2))):
        path = random.choice(written)
        content = path.read_bytes()
        ends = len(content) - 200 if random.random() < 0.4 else 0  # where Parquet has its metadata
        path.write_bytes(content[:ends] + damaged(random, content[ends:], head=100))
    return f"hf:{directory}"
