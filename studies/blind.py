"""Sheets for a blind reading of labels: the images that a run memorises most, mixed with others of the same classes.

    python -m studies.blind RUN PLACE

writes PLACE/key.csv (which image is which: not for readers), sheet0.png to sheet4.png, each with twenty images under
their number and label, and reference0.png and reference1.png, six images of each class that held-out models get right
nearly always. Needs the run's images. looked.py reads what readers say, put beside the key.
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from memscope.run import Run, open_run
from memscope.store.results import read_results

SEED = 20261127
EACH = 50
"""Most memorised images, and others"""
PIXELS = 176
"""Of an image on a sheet"""
PLAIN = 0.95
"""Accuracy out above which an image stands for its class"""


def drawn(run: Run) -> list[tuple[int, str]]:
    """Positions of the images in the order of reading, each with its group, most or random; flipped labels aside.

    Of equal scores those with the lower accuracy out come first, then those that come first in the run.
    """
    values, _, _ = read_results(run.path, "score", run.plan)
    score, out, examples = values["score"][-1], values["accuracy_out"][-1], run.examples
    allowed = np.ones(len(score), dtype=bool) if examples.flipped is None else ~examples.flipped
    order = [int(place) for place in np.lexsort((out, -score)) if allowed[place]]
    random, chosen = np.random.default_rng(SEED), list[int]()
    for place in order[:EACH]:
        same = [one for one in order[EACH:] if examples.labels[one] == examples.labels[place] and one not in chosen]
        chosen.append(int(random.choice(same)))
    both = [(place, "most") for place in order[:EACH]] + [(place, "random") for place in chosen]
    random.shuffle(both)
    return both


def plain(run: Run, but: Sequence[int]) -> list[int]:
    """Six images of each class that models get right without them, none of those to be read."""
    values, _, _ = read_results(run.path, "score", run.plan)
    examples, out = run.examples, values["accuracy_out"][-1]
    allowed = (out > PLAIN) & ~np.isin(np.arange(len(out)), but)
    if examples.flipped is not None:
        allowed &= ~examples.flipped
    random, found = np.random.default_rng(SEED), list[int]()
    for label in range(len(examples.class_names)):
        there = np.flatnonzero(allowed & (examples.labels == label))
        found += random.choice(there, min(6, len(there)), replace=False).tolist()
    return found


def tile(image: np.ndarray, words: str) -> Image.Image:
    """An image under its words."""
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    picture = Image.new("RGB", (PIXELS + 8, PIXELS + 24), "white")
    picture.paste(Image.fromarray(pixels).convert("RGB").resize((PIXELS, PIXELS), Image.Resampling.BICUBIC), (4, 20))
    ImageDraw.Draw(picture).text((5, 4), words, fill="black")
    return picture


def write_sheet(tiles: Sequence[Image.Image], file: Path, columns: int) -> None:
    wide, tall = tiles[0].size
    sheet = Image.new("RGB", (columns * wide, -(-len(tiles) // columns) * tall), "white")
    for place, one in enumerate(tiles):
        sheet.paste(one, (place % columns * wide, place // columns * tall))
    sheet.save(file)


def main() -> None:
    run, place = open_run(sys.argv[1]), Path(sys.argv[2])
    place.mkdir(parents=True, exist_ok=True)
    values, _, _ = read_results(run.path, "score", run.plan)
    examples, images, both = run.examples, run.dataset().train_images, drawn(run)
    names = [examples.class_names[label] for label in examples.labels]
    with (place / "key.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["number", "example", "index", "group", "label", "score"])
        for number, (at, group) in enumerate(both):
            rows.writerow([number, at, int(examples.index[at]), group, names[at], f"{values['score'][-1][at]:.3f}"])
    tiles = [tile(np.asarray(images[at]), f"{number}: label {names[at]}") for number, (at, _) in enumerate(both)]
    for first in range(0, len(tiles), 20):
        write_sheet(tiles[first : first + 20], place / f"sheet{first // 20}.png", 5)
    reference = [tile(np.asarray(images[at]), f"class {names[at]}") for at in plain(run, [at for at, _ in both])]
    for first in range(0, len(reference), 30):
        write_sheet(reference[first : first + 30], place / f"reference{first // 30}.png", 6)


if __name__ == "__main__":
    main()
