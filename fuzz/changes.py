"""Files of changes, as `train-family --from RUN --changes FILE` reads them: odd cells, odd separators, damaged text."""

import hashlib
from pathlib import Path
from random import Random

import numpy as np

from fuzz.damage import TEXTS, table_of
from memscope.datasets import ImageDataset

CLASSES = ("cat", "dög", "2")

ODD = (
    "", " ", "-1", "1.0", "1_0", "0x10", "½", "٣", "1" * 400, "99", "20", '"', '""', '"1', "\t", "=1+1", "None", "0" * 64, "g" * 64, "DROP",
    "drop", "relabel", "keep", "delete", "cat", "3", "-0", *(text.decode("latin-1") for text in TEXTS),
)  # fmt: skip
TITLES = ("index", "sha256", "decision", "new_label")
HEADERS = (
    TITLES,
    TITLES,
    TITLES,
    TITLES,
    TITLES[::-1],
    ("note", *TITLES),
    (*TITLES, "index"),
    TITLES[:3],
    (),
    ("", *TITLES),
)


def dataset() -> ImageDataset:
    """The data that the changes are about."""
    pixels = np.arange(9 * 2 * 2, dtype=np.uint8).reshape(9, 2, 2, 1)
    labels = np.arange(9) % 3
    return ImageDataset(
        "made here", pixels[:8], labels[:8], pixels[8:], labels[8:], CLASSES, np.arange(8) + 3, np.array([20])
    )


DATA = dataset()
FINGERPRINT = DATA.fingerprint
SHA256 = [hashlib.sha256(bytes(range(4 * at, 4 * at + 4))).hexdigest() for at in range(8)]


def cell(random: Random, title: str, at: int, decision: str) -> str:
    if random.random() < 0.01:
        return random.choice(ODD)
    known = {"index": str(at + 3), "sha256": SHA256[at], "decision": decision}
    if title == "new_label":
        return random.choice((*CLASSES, "0", "1")) if decision == "relabel" else ""
    return known.get(title, "a note")


def write_changes(random: Random, directory: Path) -> str:
    """Changes of some of the eight examples; of two in three files some lines, cells or bytes are odd."""
    titles = HEADERS[0] if random.random() < 0.8 else random.choice(HEADERS)
    delimiter = random.choice((",", ",", ",", ";", "\t", "|"))
    fingerprint = (
        FINGERPRINT if random.random() < 0.95 else random.choice(("", "0" * 64, FINGERPRINT[1:], FINGERPRINT + "0"))
    )
    lines = [f"# memscope changes of data {fingerprint}", delimiter.join(titles)]
    order = random.sample(range(8), 8) if random.random() < 0.95 else random.choices(range(8), k=8)
    for at in order[: random.choice((0, 1, 2, 3, 3, 4, 8))]:
        decision = random.choice(("drop", "relabel", "relabel", "keep"))
        cells = [cell(random, title, at, decision) for title in titles]
        if random.random() < 0.02:
            cells = random.choice((cells[:1], [*cells, "x"], []))
        lines.append(delimiter.join(cells))
    if random.random() < 0.05:
        del lines[random.randrange(len(lines))]
    path = directory / "changes.csv"
    path.write_bytes(table_of(random, lines))
    return str(path)
