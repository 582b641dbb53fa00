"""Which examples a predictor is fitted to, which stop the fitting, and which it is held against.

Copies of an image are never apart: a predictor that has seen one would know the other. The parts are .6, .2 and .2 of
every class, as far as whole groups of copies allow. They are a pure function of the data and a seed.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memscope.errors import OptionError
from memscope.streams import permutation, stream

SHARES = (0.6, 0.2, 0.2)
FEWEST = 40
"""Examples below which a fifth of them says nothing"""


@dataclass(frozen=True, eq=False)
class Split:
    """Positions of examples, int64 each, in order."""

    fitted: NDArray[np.int64]
    validating: NDArray[np.int64]
    held_out: NDArray[np.int64]

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of who is where."""
        digest = hashlib.sha256()
        for part in (self.fitted, self.validating, self.held_out):
            digest.update(f"{len(part)};".encode() + part.astype("<i8").tobytes())
        return digest.hexdigest()


def split_examples(labels: NDArray[np.int64], units: NDArray[np.int64], fingerprint: str, seed: int = 0) -> Split:
    """The split of examples with these labels [N], of which those of one unit, int64 [N], stay together.

    `fingerprint` is that of the data, in hex. A unit counts for the class of its first example. OptionError for too
    few.
    """
    if len(labels) < FEWEST:
        raise OptionError(
            f"there are {len(labels)} training examples, and a predictor needs at least {FEWEST}: it is "
            "asked about a fifth of them"
        )
    _, first, member = np.unique(units, return_index=True, return_inverse=True)
    sizes, classes = np.bincount(member), labels[first]
    source = stream("predictor split", int(fingerprint[:15], 16), seed)
    order = permutation(source, len(first))
    wanted, part_of = np.array(SHARES), np.empty(len(first), dtype=np.int64)
    everywhere = np.zeros(3)
    for number in np.unique(classes):
        here = np.zeros(3)
        for unit in order[classes[order] == number]:
            # where this class and all classes together lack most: classes of one example come to all sides
            lacking = wanted * (here.sum() + sizes[unit]) - here
            overall = wanted * (everywhere.sum() + sizes[unit]) - everywhere
            chosen = int(np.argmax(np.round(lacking + overall, 9)))
            part_of[unit] = chosen
            here[chosen] += sizes[unit]
            everywhere[chosen] += sizes[unit]
    parts = part_of[member]
    return Split(*(np.flatnonzero(parts == part) for part in range(3)))
