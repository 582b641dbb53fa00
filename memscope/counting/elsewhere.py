"""Images of another run, on which predictors are asked about the same target, of that run's models."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.analysis.example_split import Split
from memscope.analysis.predictor_agreement import Images
from memscope.analysis.statistics.crossed import FEWEST_UNITS, units_of
from memscope.counting.predictor_targets import Asked, TargetFound, check_target, target_of
from memscope.datasets.duplicates import find_duplicates
from memscope.errors import OptionError, RunError
from memscope.predictors.asking import ask, at_a_time, fitting_images, network_of
from memscope.predictors.kept import Kept
from memscope.run import Run, open_run
from memscope.training.device import worker_device
from memscope.work.data_set import ensure_examples


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Another run with its target, on its images that predictors do not know."""

    run: Run
    found: TargetFound
    labels: np.ndarray
    """int64 [M], as numbers of this run's classes where predictors are given labels; else that run's own"""
    new: np.ndarray
    """int64 [n], positions of the images that are not fitted to here, nor nearly equal to one that is"""

    @property
    def known(self) -> int:
        """How many of its images the predictors know."""
        return len(self.labels) - len(self.new)

    @property
    def units(self) -> np.ndarray:
        """int64 [n], of the new images: copies in one."""
        return units_of(self.run.examples.near_group)[self.new]

    def asked_of(self, kept: Mapping[Path, Kept], device: str) -> Images:
        """What predictors, by the files that they are to be in, say of the images that they do not know."""
        images = self.run.dataset().train_images
        on = worker_device(device, 0)
        said, step = {}, at_a_time(images)
        for path, one in kept.items():
            network = network_of(path, one)
            parts = [self.new[first : first + step] for first in range(0, len(self.new), step)]
            found = [ask(one, network, images[part], self.labels[part], on) for part in parts]
            said[one.description.backbone.name] = np.concatenate(found, axis=1).astype(np.float64)
        return Images(
            said, self.found.target.of_examples(self.new), self.run.examples.shown_classes[self.new], self.units
        )


def other_run(run: Run, target: Asked, place: Path) -> Run:
    """The run of `--evaluate-on`. OptionError where it is the same, or has no such target."""
    other = open_run(place)
    if target.file is not None:
        raise OptionError(
            f"--evaluate-on {other.path} needs a target that this run has, too: score@SIZE or residual@SIZE, not "
            f"{target.name}"
        )
    if other.plan.digest == run.plan.digest:
        raise OptionError(f"--evaluate-on {other.path} is of the same plan as {run.path}; give a run of other images")
    if other.plan.axis != run.plan.axis:
        raise OptionError(
            f"--evaluate-on {other.path} has {other.plan.axis}s and {run.path} {run.plan.axis}s, so that "
            f"{target.name} means another thing there; give a run along {run.plan.axis}"
        )
    check_target(other, target)
    return other


def images_elsewhere(run: Run, other: Run, target: Asked, with_label: bool, split: Split) -> Elsewhere:
    """Its images that are new to predictors of this split, and their target.

    OptionError where predictors are given labels, and it has another class. RunError where too few images are new.
    """
    ensure_examples(other)
    there = target_of(other, target)
    labels = other.examples.labels
    if with_label:
        lacking = [name for name in other.examples.class_names if name not in run.examples.class_names]
        if lacking:
            raise OptionError(
                f"--evaluate-on {other.path} has the class {lacking[0]!r}, which {run.path} has not, and predictors "
                "are given labels; leave --with-label out, or name a run of the same classes"
            )
        place = {name: number for number, name in enumerate(run.examples.class_names)}
        labels = np.array([place[name] for name in other.examples.class_names])[labels]
    found = Elsewhere(other, there, labels, np.flatnonzero(~known_there(run, other, split)))
    with_target = ~np.isnan(there.target.halves()[:, found.new]).any(axis=0)
    new = len(np.unique(found.units[with_target]))
    if new < FEWEST_UNITS:
        raise RunError(
            f"--evaluate-on {other.path} has {new} images with {target.name}, copies counted once, that are not fitted "
            f"to here, expected at least {FEWEST_UNITS}; name a run of other images"
        )
    return found


def known_there(run: Run, other: Run, split: Split) -> np.ndarray:
    """bool [M]: which images of another run are equal or nearly equal to one that predictors are fitted to or stopped
    by, at the size and in the colours of this run's images."""
    ours = run.dataset().train_images[np.sort(np.concatenate([split.fitted, split.validating]))]
    theirs = other.dataset().train_images
    if theirs.shape[1:] != ours.shape[1:]:
        step = at_a_time(theirs)
        parts = [theirs[first : first + step] for first in range(0, len(theirs), step)]
        theirs = np.concatenate([fitting_images(part, run.examples.image_shape) for part in parts])
    groups = find_duplicates(ours, theirs)
    return (groups.test_near >= 0) & np.isin(groups.test_near, groups.train_near)
