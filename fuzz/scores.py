"""Tables of scores that people have measured, as `--scores` reads them: odd cells, odd separators, damaged text."""

from pathlib import Path
from random import Random

from fuzz.damage import TEXTS, table_of

NAMES = ("cat/0.jpg", "cat/1.jpg", "dog/0.jpg", "dög/2.jpg", "a b/3.jpg", "4.jpg")
INDEX = (7, 2, 9, 0, 30, 5)
"""Of the examples of the run that the scores are for"""

ODD = (
    "", " ", "nan", "inf", "-inf", "1e999", "0,5", "1_0", "0x10", "½", "٣", "--1", "1" * 400, "-0", "1e-400", '"', '""', '"1', "0.5 0.5", "\t",
    "None", "=1+1", "0.5%", "\u2212.5", *(text.decode("latin-1") for text in TEXTS),
)  # fmt: skip
HEADERS = (
    ("name", "score"), ("index", "score"), ("Name", "SCORE"), ("score", "name"), ("index", "name", "score"), ("name", "score", "score"),
    ("image_file", "memorability_w_fa_correction"), ("name", "index"), ("score",), (), ("", "image_file", "score", "x"), ("name", "scores"),
)  # fmt: skip


def cell(random: Random, title: str, at: int) -> str:
    if random.random() < 0.02:
        return random.choice(ODD)
    if title in ("name", "image_file"):
        name = NAMES[at % len(NAMES)]
        return name.rpartition("/")[2] if random.random() < 0.1 else name
    if title == "index":
        return str(INDEX[at % len(INDEX)])
    return f"{random.random():.{random.choice((1, 6, 17))}f}"


def write_scores(random: Random, directory: Path) -> str:
    """A table with a header or in LaMem's layout; of two in three some lines, cells or bytes are odd."""
    titles = random.choice(HEADERS[:6]) if random.random() < 0.9 else random.choice(HEADERS)
    lamem = random.random() < 0.2
    delimiter = " " if lamem else random.choice((",", ",", ",", ";", "\t", "|"))
    if lamem:
        titles = ("name", "score")
    lines = [] if lamem else [delimiter.join(titles)]
    for at in range(random.choice((0, 1, 5, 5, 5, 5, 6, 6, 7, 300))):
        cells = [cell(random, title.lower(), at) for title in titles]
        if random.random() < 0.02:
            cells = random.choice((cells[:1], [*cells, "x"], []))
        lines.append(delimiter.join(cells))
    path = directory / "scores.csv"
    path.write_bytes(table_of(random, lines))
    return str(path)
