"""`memscope memorability predict`: what a fitted predictor expects of images that nobody trained on."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.counting.compared_predictor import standard
from memscope.datasets import ImageDataset, load_dataset
from memscope.errors import OptionError
from memscope.files.places import STANDARD_OUTPUT, at_home
from memscope.predictors.asking import ask, at_a_time, fitting_images, network_of
from memscope.predictors.kept import Description, HeldOut, Kept, image_numbers, read_kept
from memscope.reports.prediction import ImagePredicted, PredictionReport
from memscope.reports.ranged import Ranged
from memscope.reports.target import kind_of
from memscope.steps.exports import defused, write_csv
from memscope.training.device import resolve_device, worker_device
from memscope.work.carrying_out import Say, silent

TOP = 10
COLUMNS = ["part", "index", "name", "label", "predicted", "spread", "known"]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a predictor says of one part of a data set: n images."""

    part: str
    images: np.ndarray
    labels: np.ndarray
    index: np.ndarray
    names: tuple[str, ...] | None
    said: np.ndarray
    """float32 [seeds, n]"""
    known: np.ndarray
    """bool [n]"""


def predict_memorisation(
    model: str | os.PathLike[str],
    data: str,
    *,
    examples: int | None = None,
    image_size: int | None = None,
    csv_file: Path | None = None,
    csv_safe: bool = False,
    top: int = TOP,
    device: str = "auto",
    say: Say = silent,
) -> PredictionReport:
    """Ask a predictor that `train_predictor` kept about the images of a data set.

    `data` is as `train_family` takes it; both its parts are asked about, of the training part perhaps only a sample of
    so many `examples`. DataError for a file that is no predictor's; OptionError for what is not possible.
    """
    if top < 0:
        raise OptionError(f"--top is {top}; it must be 0 or more")
    if csv_safe and csv_file is None:
        raise OptionError("--csv-safe is about csv files, and none is asked for; add --csv FILE")
    path = at_home(model)
    kept = read_kept(path)
    network = network_of(path, kept)
    image_size = image_size or side_to_read(data, kept.description.image_shape)
    dataset = load_dataset(data, examples=examples, image_size=image_size, say=but_for_test_sets(say))
    labels = labels_for(kept.description, dataset, data)
    found = []
    on = worker_device(resolve_device(device), 0)
    for part, images, own, index, names in (
        ("train", dataset.train_images, dataset.train_labels, dataset.train_index, dataset.train_names),
        ("test", dataset.test_images, dataset.test_labels, dataset.test_index, dataset.test_names),
    ):
        say(f"predicting for {len(images):,} {part} images")
        step = at_a_time(images)
        said = np.zeros((len(kept.weights), len(images)), dtype=np.float32)
        known = np.zeros(len(images), dtype=bool)
        for first in range(0, len(images), step):
            here = slice(first, first + step)
            fitting = fitting_images(images[here], kept.description.image_shape)
            said[:, here] = ask(kept, network, fitting, labels[own[here]], on)
            known[here] = np.isin(image_numbers(fitting), kept.known)
        found.append(Predictions(part, images, own, index, names, said, known))
    if csv_file is not None:
        export(csv_file, found, dataset, csv_safe)
    return report_of_predictions(path, kept, data, dataset, found, top, csv_file)


def side_to_read(data: str, shape: tuple[int, ...]) -> int | None:
    """The side to read data at that can be read at any, scaled and the middle cut out, as the run that was fitted to
    has read its own. None for other data, and where the predictor's images are not square."""
    return shape[0] if data.startswith(("folder:", "hf:")) and shape[0] == shape[1] else None


def but_for_test_sets(say: Say) -> Callable[[str], None]:
    """What is remarkable about data, but that a test set was held out: here both parts are alike."""

    def tell(line: str) -> None:
        if "has no test set" not in line:
            say(line)

    return tell


def labels_for(found: Description, dataset: ImageDataset, data: str) -> np.ndarray:
    """int64 [classes]: the number that the predictor has for each class of the data. OptionError where it takes labels,
    and has none of that name."""
    if not found.with_label:
        return np.zeros(dataset.num_classes, dtype=np.int64)
    place = {name: number for number, name in enumerate(found.class_names)}
    lacking = [name for name in dataset.class_names if name not in place]
    if lacking:
        raise OptionError(
            f"the predictor is given labels, and {data} has the class {lacking[0]!r}, which it does not know; its "
            f"classes are {', '.join(found.class_names[:10])}{', ...' * (len(found.class_names) > 10)}; name the "
            "folders so, or take a predictor that was trained without --with-label"
        )
    return np.array([place[name] for name in dataset.class_names], dtype=np.int64)


def export(file: Path, found: list[Predictions], dataset: ImageDataset, safe: bool) -> None:
    """Write a row for every image, the highest predictions first."""
    written = defused if safe else str
    rows: list[tuple[float, list[object]]] = []
    for one in found:
        mean, spread = one.said.astype(np.float64).mean(axis=0), spreads(one.said)
        for place in range(len(one.images)):
            row: list[object] = [
                one.part,
                int(one.index[place]),
                written(one.names[place]) if one.names else "",
                written(dataset.class_names[one.labels[place]]),
                round(float(mean[place]), 6),
                "" if np.isnan(spread[place]) else round(float(spread[place]), 6),
                int(one.known[place]),
            ]
            rows.append((float(mean[place]), row))
    rows.sort(key=lambda each: -each[0])
    write_csv(file, COLUMNS, [row for _, row in rows])


def spreads(said: np.ndarray) -> np.ndarray:
    """Standard deviations over seeds [n]; NaN with one."""
    if len(said) < 2:
        return np.full(said.shape[1], np.nan)
    return said.astype(np.float64).std(axis=0, ddof=1)


def report_of_predictions(
    path: Path,
    kept: Kept,
    data: str,
    dataset: ImageDataset,
    found: list[Predictions],
    top: int,
    csv_file: Path | None,
) -> PredictionReport:
    described = kept.description
    mean = np.concatenate([one.said.astype(np.float64).mean(axis=0) for one in found])
    places = [(one, place) for one in found for place in range(len(one.images))]
    order = np.argsort(-mean, kind="stable")

    def image(number: int) -> ImagePredicted:
        one, place = places[number]
        return ImagePredicted(
            index=int(one.index[place]),
            part=one.part,
            name=one.names[place] if one.names else None,
            label=dataset.class_names[one.labels[place]],
            predicted=float(mean[number]),
            spread=standard(one.said[:, place].astype(np.float64).tolist()),
            known=bool(one.known[place]),
        )

    return PredictionReport(
        model=str(path),
        target=described.target,
        target_kind=described.kind or kind_of(described.target),
        axis=described.axis,
        backbone=described.backbone.name,
        fitted_on=described.data,
        fitted=described.fitted,
        seeds=described.seeds,
        with_label=described.with_label,
        spearman=measured(described.spearman),
        within=measured(described.within),
        ceiling=described.ceiling,
        data=data,
        examples=len(places),
        known=sum(int(one.known.sum()) for one in found),
        resized=how_resized(dataset.image_shape, described.image_shape),
        mean=float(mean.mean()),
        highest=tuple(image(number) for number in order[:top]),
        lowest=tuple(image(number) for number in order[::-1][:top]),
        csv=None if csv_file is None else "standard output" if csv_file == STANDARD_OUTPUT else str(csv_file),
    )


def measured(found: HeldOut) -> Ranged:
    return Ranged(value=found.value, low=found.low, high=found.high)


def how_resized(given: tuple[int, ...], wanted: tuple[int, ...]) -> str | None:
    """How images are brought to a predictor's shape."""
    told = []
    if given[:2] != wanted[:2]:
        told.append(f"from {given[0]} x {given[1]} to {wanted[0]} x {wanted[1]} pixels")
    if given[2] != wanted[2]:
        told.append("from grey to three equal colours" if wanted[2] == 3 else "from colours to grey")
    return " and ".join(told) or None
