"""Labels that readers judged without knowing which images are memorised: `studies/NAME/looked.csv`.

Fifty images are the most memorised at the largest size, flipped labels aside, and fifty others of the same classes were
drawn at random from the rest. They were shuffled, and two readers (vision-language models, which saw six plain images
of each class first) read each label as right, wrong or unclear, without knowing which image was which. Columns: number
(in the order of reading), example, index (in the source), group (most, random), label, score, reader1, reader2.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from math import comb
from pathlib import Path

VERDICTS = ("right", "unclear", "wrong")
READERS = ("reader1", "reader2")


@dataclass(frozen=True)
class Looked:
    """What the readers said."""

    rows: tuple[dict[str, str], ...]

    def counts(self, group: str, reader: str) -> Counter[str]:
        return Counter(row[reader] for row in self.rows if row["group"] == group)

    @property
    def most(self) -> int:
        return sum(row["group"] == "most" for row in self.rows)

    @property
    def random(self) -> int:
        return len(self.rows) - self.most

    def both(self, group: str, *verdicts: str) -> int:
        """Images of which both readers gave one of the verdicts."""
        return sum(row["group"] == group and all(row[one] in verdicts for one in READERS) for row in self.rows)

    @property
    def most_wrong(self) -> int:
        return self.both("most", "wrong")

    @property
    def random_wrong(self) -> int:
        return self.both("random", "wrong")

    @property
    def most_doubted(self) -> int:
        """Wrong or unclear to both"""
        return self.both("most", "wrong", "unclear")

    @property
    def random_doubted(self) -> int:
        return self.both("random", "wrong", "unclear")

    @property
    def p_value(self) -> float:
        """That so many of the doubted are among the most memorised, if memorisation had nothing to do with it: Fisher's
        exact test, one-sided."""
        doubted = self.most_doubted + self.random_doubted
        ways = [
            comb(self.most, there) * comb(self.random, doubted - there)
            for there in range(self.most_doubted, min(doubted, self.most) + 1)
        ]
        return sum(ways) / comb(len(self.rows), doubted)

    @property
    def same(self) -> float:
        """Share of the images on which the readers agree"""
        return sum(row["reader1"] == row["reader2"] for row in self.rows) / len(self.rows)


def read(file: Path) -> Looked:
    with file.open(newline="") as lines:
        rows = tuple(csv.DictReader(lines))
    strange = {row[reader] for row in rows for reader in READERS} - set(VERDICTS)
    if strange:
        raise ValueError(f"{file} has the verdict {sorted(strange)[0]!r}, expected one of {', '.join(VERDICTS)}")
    return Looked(rows)
