"""The listed pairs of influence as the page shows them: what each training image carries, and the images of these.

Of each group of results the page holds at most MOST_IMAGES second images, those with the most influence on them, either
way, in the models that chose the pairs, and of their pairs at most MOST_PAIRS, likewise. Beside them stand the training
images that carry most, for which the section of the page needs no script.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memscope.analysis.carriers import carriers, size_shown
from memscope.page.columns import squeezed
from memscope.page.sheets import Tiling, picture_of, sheets_of
from memscope.run import Run
from memscope.store.examples import open_images

GROUPS = ("influence", "influence-training")
MOST_PAIRS, MOST_IMAGES = 20_000, 2_000
CARRIERS, IN_A_ROW = 24, 8
"""Training images that the section shows, and of what each carries the first"""
ROOM, EXACT = 800_000, 2**20
"""Bytes of the sheets, about, and bytes of pixels up to which images are kept as they are"""
STEP = 1e-4
"""Of influence and standard errors, which are kept as whole numbers of steps"""
UNKNOWN = -(2**31)
"""Where they are not known"""


@dataclass(frozen=True)
class Picture:
    """One image on the page, beside a number."""

    example: int
    """Position in the run: in its own part"""
    label: int
    data: str
    """Its address: the image itself"""
    influence: float = np.nan
    standard_error: float = np.nan


@dataclass(frozen=True)
class Carrier:
    """A training image, and the first of what it carries."""

    own: Picture
    flipped_from: int | None
    """The label before it was flipped"""
    memorised: float
    carries: tuple[Picture, ...]
    count: int
    """How many images it carries, shown or not"""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Those of one group of results."""

    group: str
    part: str
    """`test` or `train`: where the second images are from"""
    listed: int
    """Pairs that are listed, on the page or not"""
    rows: np.ndarray
    """int32 [6, n]: gallery position, place among `images`, size, 1 or -1 for helpful or harmful, influence and its
    standard error in steps"""
    images: np.ndarray
    """int32 [2, m]: position in the run and label of the second images"""
    sheets: tuple[bytes, ...]
    tiling: Tiling
    size: int | None
    """The size whose `carriers` are shown; None where no pair is helpful"""
    carriers: tuple[Carrier, ...]
    """Those that carry most"""
    carrying: int
    """Training examples that carry anything at that size"""

    @property
    def packed(self) -> bytes:
        """`rows`, then `images`, as the page's script reads them."""
        return squeezed(np.concatenate([self.rows.ravel(), self.images.ravel()]).astype("<i4").tobytes())

    @property
    def bytes(self) -> int:
        """What they take on the page, before base64."""
        shown = sum(len(each.data) for one in self.carriers for each in (one.own, *one.carries))
        return len(self.packed) + sum(map(len, self.sheets)) + shown * 3 // 4

    def described(self) -> dict[str, Any]:
        """What the page must know to read it."""
        tiling = self.tiling
        return {
            "group": self.group,
            "part": self.part,
            "listed": self.listed,
            "pairs": self.rows.shape[1],
            "images": self.images.shape[1],
            "step": STEP,
            "image": {"height": tiling.height, "width": tiling.width},
            "tiling": {
                "columns": tiling.columns,
                "perSheet": tiling.per_sheet,
                "sheets": tiling.sheets,
                "type": tiling.type,
            },
        }


def pairs_of(run: Run, group: str, found: Mapping[str, np.ndarray], shown: np.ndarray) -> Pairs | None:
    """The pairs of a group's arrays whose training examples are among `shown` [n]; None where no pair is listed."""
    if not len(found["pair_size"]):
        return None
    examples = run.examples
    part = "train" if group == "influence-training" else "test"
    images = open_images(run.path, examples)
    total = len(examples.labels)
    labels, first = (examples.labels, 0) if part == "train" else (examples.test_labels, total)
    kept = kept_pairs(found, shown)
    second, place = np.unique(found["test_example"][kept], return_inverse=True)
    sheets, tiling = sheets_of(images, first + second, ROOM, exact=EXACT, among=len(shown))
    steps = [np.rint(found[name][kept] / STEP) for name in ("influence", "standard_error")]
    rows = [np.searchsorted(shown, found["train_example"][kept]), place, found["pair_size"][kept]]
    rows += [np.sign(found["chosen_by"][kept]), *(np.nan_to_num(each, nan=UNKNOWN) for each in steps)]
    size = size_shown(found)
    every = [] if size is None else carriers(found, size)

    def picture(position: int, in_part: str, **numbers: float) -> Picture:
        known, offset = (examples.labels, 0) if in_part == "train" else (examples.test_labels, total)
        return Picture(position, int(known[position]), picture_of(images[offset + position]), **numbers)

    return Pairs(
        group=group,
        part=part,
        listed=len(found["pair_size"]),
        rows=np.stack(rows).astype(np.int32),
        images=np.stack([second, labels[second]]).astype(np.int32),
        sheets=sheets,
        tiling=tiling,
        size=size,
        carriers=tuple(
            Carrier(
                own=picture(train, "train"),
                flipped_from=flipped_from(run, train),
                memorised=float(found["memorisation"][places[0]]),
                carries=tuple(
                    picture(
                        int(found["test_example"][each]),
                        part,
                        influence=float(found["influence"][each]),
                        standard_error=float(found["standard_error"][each]),
                    )
                    for each in places[:IN_A_ROW]
                ),
                count=len(places),
            )
            for train, places in every[:CARRIERS]
        ),
        carrying=len(every),
    )


def kept_pairs(found: Mapping[str, np.ndarray], shown: np.ndarray) -> np.ndarray:
    """Places of the pairs that the page holds, by training example; of each those of most influence first."""
    there = np.flatnonzero(np.isin(found["train_example"], shown))
    there = there[np.argsort(-np.abs(found["chosen_by"][there]), kind="stable")]
    second, first_seen = np.unique(found["test_example"][there], return_index=True)
    known = second[np.argsort(first_seen)][:MOST_IMAGES]
    there = there[np.isin(found["test_example"][there], known)][:MOST_PAIRS]
    return there[np.argsort(found["train_example"][there], kind="stable")]


def flipped_from(run: Run, example: int) -> int | None:
    truth, labels = run.examples.true_labels, run.examples.labels
    return None if truth is None or truth[example] == labels[example] else int(truth[example])


def all_pairs(run: Run, groups: Mapping[str, Mapping[str, np.ndarray]], shown: np.ndarray) -> tuple[Pairs, ...]:
    """Those of every group that has any."""
    known: Sequence[Pairs | None] = [pairs_of(run, name, groups[name], shown) for name in GROUPS if name in groups]
    return tuple(each for each in known if each is not None)
