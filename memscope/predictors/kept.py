"""Fitted predictors in files: one safetensors file for a backbone, with the weights of all its seeds and a description.

Tensors are `seed-<n>/<parameter>`, `seed-<n>/said` (what the seed says of every training example of its run) and
`known` (the images that it was fitted to or validated on, as the first 8 bytes of the SHA-256 of their pixels). The
description is JSON in the metadata, under `memscope-predictor`. A file can be given away without its run.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from memscope.errors import DataError
from memscope.files.limits import check_memory, existing_file
from memscope.predictors.backbones import Backbone
from memscope.reports.keys import keys_of, report_of
from memscope.reports.target import RESIDUAL, SCORE, TABLE
from memscope.store.format import DAMAGE
from memscope.store.weights import Weights, content_digest, opened

ENTRY = "memscope-predictor"
VERSION = 1
MOST_SEEDS, MOST_CLASSES, MOST_SIDE, MOST_WIDTH = 1000, 2**16, 4096, 4096
MOST_NAME = 150
"""Bytes of a file's name that are of the backbone and the target: file systems take 255, temporary ones included"""
EXPECTED = "expected a predictor as memscope memorability RUN --train keeps it in RUN/predictors"


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A number on images that were held out, and its 95 % interval; null where not known."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a predictor is, and what it was fitted to."""

    version: int
    settings: str
    """SHA-256 over all that decides the weights"""
    backbone: Backbone
    target: str
    """`score@16`, `residual@4`, or the name of a table"""
    axis: str
    """`width` or `depth` of the target's models"""
    seeds: int
    image_shape: tuple[int, ...]
    """Height, width, channels"""
    class_names: tuple[str, ...]
    with_label: bool
    channel_mean: tuple[float, ...]
    channel_sd: tuple[float, ...]
    precision: str
    data: str
    """The data set, as `--data` had it"""
    data_fingerprint: str
    plan_digest: str
    split: str
    """SHA-256 of who was fitted to, validated on and held out"""
    fitted: int
    """Images that it was fitted to"""
    epochs: tuple[int, ...]
    """The best one of each seed"""
    written_by: str
    spearman: HeldOut = field(default_factory=HeldOut)
    """Of a seed with the target, of other models than it was fitted to, on held-out images"""
    within: HeldOut = field(default_factory=HeldOut)
    """The same within classes"""
    kind: str = ""
    """`score`, `residual` or `table`: what `target` is; empty in files of before, whose target's name tells it"""
    ceiling: float = math.nan
    """The most that noise in the target lets the first be"""


@dataclass(frozen=True, eq=False)
class Kept:
    """A predictor's file, read."""

    description: Description
    weights: list[Weights]
    """Of each seed"""
    said: np.ndarray
    """float32 [seeds, N]"""
    known: np.ndarray
    """int64 [n], sorted: numbers of the images that it knows"""


def kept_path(run: Path, backbone: str, target: str, with_label: bool, settings: str = "") -> Path:
    """Where the predictor of a backbone is kept; without `settings`, where it was before these were in its name.

    The name ends in 8 hex digits over the settings and the target: a plain name is that of several predictors, fitted
    for other epochs, with other weights to begin with, of other models, or to `a b.csv` and `a_b.csv`.
    """
    name = f"{backbone}-{target}{'-label' if with_label else ''}"
    safe = "".join(letter if letter.isalnum() or letter in "@._-" else "_" for letter in name)
    short = safe.lstrip(".").encode()[:MOST_NAME].decode(errors="ignore")
    own = f"-{hashlib.sha256(f'{settings} {target}'.encode()).hexdigest()[:8]}" if settings else ""
    return run / "predictors" / f"{short}{own}.safetensors"


def image_numbers(images: np.ndarray) -> np.ndarray:
    """A number for each image, int64 [n], that equal ones share: the first 8 bytes of the SHA-256 of their pixels."""
    found = np.empty(len(images), dtype=np.int64)
    for place, image in enumerate(images):
        digest = hashlib.sha256(np.ascontiguousarray(image).data).digest()
        found[place] = np.frombuffer(digest[:8], dtype="<i8")[0]
    return found


def pack_kept(found: Kept) -> bytes:
    """The content of a predictor's file: the same for the same predictor."""
    tensors: Weights = {"known": found.known.astype(np.int64)}
    for seed, weights in enumerate(found.weights):
        tensors |= {f"seed-{seed}/{name}": values for name, values in weights.items()}
        tensors[f"seed-{seed}/said"] = found.said[seed].astype(np.float32)
    described = json.dumps(keys_of(found.description), sort_keys=True)
    entry = {"description": described, "sha256": seal_of(described, tensors)}
    # one entry: safetensors writes several in random order
    return safetensors.numpy.save(tensors, metadata={ENTRY: json.dumps(entry)})


def seal_of(described: str, tensors: Mapping[str, np.ndarray]) -> str:
    return hashlib.sha256(f"{described}\n{content_digest(dict(tensors))}".encode()).hexdigest()


def read_kept(path: Path) -> Kept:
    """A predictor's file; DataError, in a line, where it is none of ours or damaged."""
    existing_file(path)
    try:
        check_memory(path, "the file", path.stat().st_size)
        with opened(path) as file:
            metadata = file.metadata() or {}
            if ENTRY not in metadata:
                raise DataError(
                    f"{path}: found a safetensors file without {ENTRY!r} in its metadata, expected a predictor; give a "
                    "file of RUN/predictors, which memscope memorability RUN --train makes"
                )
            entry = json.loads(metadata[ENTRY])
            described = str(entry["description"])
            version = json.loads(described)["version"]
            if isinstance(version, int) and version > VERSION:
                raise DataError(
                    f"{path}: is a predictor of version {version}, and this memscope reads up to {VERSION}; upgrade it"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is not a mapping
        if entry["sha256"] != seal_of(described, tensors):
            raise ValueError("its content is not what its checksum says")
        description = checked(report_of(Description, json.loads(described)))
        weights: list[Weights] = [{} for _ in range(description.seeds)]
        for name, values in tensors.items():
            part, _, parameter = name.partition("/")
            if parameter:
                weights[int(part.removeprefix("seed-"))][parameter] = values
        said = np.stack([one.pop("said") for one in weights])
        known = tensors["known"]
        if said.ndim != 2 or said.dtype != np.float32 or known.ndim != 1 or known.dtype != np.int64:
            raise ValueError("what it says of its images is no list of numbers")
    except DataError:
        raise
    except (safetensors.SafetensorError, *DAMAGE, RecursionError) as error:
        found = (" ".join(str(error).split()) or type(error).__name__)[:200]
        raise DataError(
            f"{path}: cannot be read as a predictor ({found}), {EXPECTED}; get or make the file again"
        ) from error
    return Kept(description, weights, said, known)


def checked(found: Description) -> Description:
    """The description; ValueError unless all that others rely on is of the type and the size that it must be."""
    numbers = ("version", "seeds", "fitted")
    texts = (
        "settings",
        "target",
        "kind",
        "axis",
        "precision",
        "data",
        "data_fingerprint",
        "plan_digest",
        "split",
        "written_by",
    )
    for each in fields(found):
        value = getattr(found, each.name)
        if each.name in numbers and (type(value) is not int or value < 0):
            raise ValueError(f"its {each.name} is {value!r}")
        if each.name in texts and type(value) is not str:
            raise ValueError(f"its {each.name} is no text")
    backbone, shape = found.backbone, found.image_shape
    if type(backbone.name) is not str or type(backbone.pretrained) is not bool:
        raise ValueError("its backbone is none")
    if (backbone.name == "plain") != (type(backbone.width) is int):
        raise ValueError(f"the width of {backbone.name} is {backbone.width!r}")
    if backbone.width is not None and not 0 < backbone.width <= MOST_WIDTH:
        raise ValueError(f"the width of {backbone.name} is {backbone.width}")
    if not all_of(shape, int) or len(shape) != 3 or not all(0 < side <= MOST_SIDE for side in shape[:2]):
        raise ValueError(f"its images are {shape!r}")
    if shape[2] not in (1, 3) or len(found.channel_mean) != shape[2] or len(found.channel_sd) != shape[2]:
        raise ValueError("its channels do not agree")
    if not all(map(math.isfinite, (*found.channel_mean, *found.channel_sd))):
        raise ValueError("a mean is no number")
    if not all_of(found.class_names, str) or not 0 < len(found.class_names) <= MOST_CLASSES:
        raise ValueError("its classes have no names")
    if not 0 < found.seeds <= MOST_SEEDS or not all_of(found.epochs, int) or len(found.epochs) != found.seeds:
        raise ValueError(f"it has {found.seeds} seeds and {len(found.epochs)} epochs")
    if found.kind not in ("", SCORE, RESIDUAL, TABLE):
        raise ValueError(f"its target is of the kind {found.kind!r}")
    if type(found.with_label) is not bool or found.precision not in ("float32", "bfloat16"):
        raise ValueError("its precision or what it is given is not known")
    return found


def all_of(values: Sequence[Any], kind: type) -> bool:
    return all(type(value) is kind for value in values)
