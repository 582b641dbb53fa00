"""What a predictor of people's memorability gives for a run's training images: one write-once file for so many images.

`memorability/<predictor>-<digest>/<first>-<last>.h5`: the predictor's name, the first twelve digits of the SHA-256 of
its weights, and the numbers of the training examples. A file is the record that its images are done.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.files.sealed import open_sealed, writing_sealed
from memscope.store.format import (
    DAMAGE,
    MEMORABILITY,
    array_of,
    check_dimensions,
    check_encoding,
    check_stamp,
    damage,
    stamp_encoding,
    write_field,
)

CHUNK = 500
"""Images that share a file: three minutes of a core by ResMem, which is what a kill costs at most"""

PREDICTORS = ("resmem", "vitmem")
DIRECTORY = re.compile(rf"({'|'.join(PREDICTORS)})-([0-9a-f]{{12}})")
NAME = re.compile(r"(\d{5,12})-(\d{5,12})\.h5")


@dataclass(frozen=True)
class Predicting:
    """Which predictor a directory of files is of."""

    predictor: str
    """One of PREDICTORS"""
    weights: str
    """The first twelve digits of the SHA-256 of its weights"""

    @property
    def directory(self) -> str:
        return f"{self.predictor}-{self.weights}"


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a file, or all of them, hold."""

    values: np.ndarray
    """float32 [n]"""
    title: str
    """The predictor with its version"""


def predicting(predictor: str, weights_digest: str) -> Predicting:
    return Predicting(predictor, weights_digest[:12])


def chunks(examples: int) -> Iterator[range]:
    """The examples that share a file each."""
    for first in range(0, examples, CHUNK):
        yield range(first, min(first + CHUNK, examples))


def memorability_path(run: Path, of: Predicting, which: range) -> Path:
    return run / "memorability" / of.directory / f"{which[0]:05d}-{which[-1]:05d}.h5"


def chunk_at(inside: Path, examples: int) -> tuple[Predicting, range] | None:
    """Whose file is at PREDICTOR-DIGEST/NAME, and of which of so many examples; None where there is no such file."""
    directory, name = DIRECTORY.fullmatch(inside.parts[0]), NAME.fullmatch(inside.parts[-1])
    if directory is None or name is None or len(inside.parts) != 2:
        return None
    first, last = int(name[1]), int(name[2])
    which = range(first, min(first + CHUNK, examples))
    of = Predicting(directory[1], directory[2])
    return (of, which) if first % CHUNK == 0 and which and which[-1] == last else None


def begun(run: Path, examples: int) -> dict[Predicting, int]:
    """The predictors that have files in a run, and how many of so many examples they have done."""
    found: dict[Predicting, int] = {}
    for directory in sorted((run / "memorability").glob("*-*")):
        if name := DIRECTORY.fullmatch(directory.name):
            of = Predicting(name[1], name[2])
            done = sum(len(which) for which in chunks(examples) if memorability_path(run, of, which).is_file())
            if done:
                found[of] = done
    return found


def write_memorability(
    run: Path, fingerprint: str, of: Predicting, which: range, values: np.ndarray, title: str
) -> None:
    """Keep what a predictor gives for these examples."""
    with writing_sealed(memorability_path(run, of, which)) as file:
        stamp_encoding(file, "memscope-memorability")
        file.attrs["data_fingerprint"] = fingerprint
        file.attrs["predictor"] = of.predictor
        file.attrs["weights"] = of.weights
        file.attrs["title"] = title
        write_field(file, "example", np.array(which, dtype=np.int64), MEMORABILITY["example"])
        write_field(file, "memorability", values.astype(np.float32), MEMORABILITY["memorability"])


def read_memorability(run: Path, fingerprint: str, of: Predicting, which: range) -> Predicted:
    """What a file holds; FileError if it is damaged or of other images or weights."""
    path = memorability_path(run, of, which)
    weights = " --weights FILE" if of.predictor == "vitmem" else ""
    again = f"memscope memorability {run} --predictor {of.predictor}{weights}"
    try:
        with open_sealed(path) as file:
            check_encoding(file, "memscope-memorability", path)
            stamps = {
                "data fingerprint": (fingerprint, str(file.attrs["data_fingerprint"])),
                "predictor": (of.predictor, str(file.attrs["predictor"])),
                "weights": (of.weights, str(file.attrs["weights"])),
            }
            values = {name: array_of(file[name]) for name in MEMORABILITY}
            title = str(file.attrs["title"])
            check_dimensions(values, MEMORABILITY)
            if not np.array_equal(values["example"], np.array(which)):
                raise ValueError(f"it is of other examples than {which[0]:,} to {which[-1]:,}")
            found = values["memorability"]
            if found.dtype.kind != "f" or not np.isfinite(found).all():
                raise ValueError("memorability has values that are no numbers")
    except DAMAGE as error:
        raise damage(run, path, error, again) from error
    for name, (expected, stamped) in stamps.items():
        check_stamp(run, path, name, expected, stamped, again)
    return Predicted(found.astype(np.float32), title)


def read_all(run: Path, fingerprint: str, of: Predicting, examples: int) -> Predicted:
    """What all the files of a predictor hold together; FileError as for each of them."""
    found = [read_memorability(run, fingerprint, of, which) for which in chunks(examples)]
    return Predicted(np.concatenate([one.values for one in found]), found[0].title)
