"""Images of another run, on which predictors are asked about the same target, of that run's models."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memscope.analysis.predictor_agreement import Images
from memscope.analysis.statistics.crossed import units_of
from memscope.counting.predictor_targets import FEWEST, Asked, TargetFound, check_target, target_of
from memscope.errors import OptionError, RunError
from memscope.predictors.asking import ask, at_a_time, network_of
from memscope.predictors.kept import Kept, image_numbers, kept_path
from memscope.run import Run, open_run
from memscope.training.device import worker_device
from memscope.work.data_set import ensure_examples


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Another run with its target."""

    run: Run
    found: TargetFound
    labels: np.ndarray
    """int64 [M], as numbers of this run's classes where predictors are given labels; else that run's own"""
    numbers: np.ndarray
    """int64 [M], of its images"""

    def check_enough(self, known: np.ndarray) -> None:
        """RunError unless there are images with a target that the predictors will not know."""
        target = self.found.target.everything()
        new = int((~np.isnan(target) & ~np.isin(self.numbers, known)).sum())
        if new < FEWEST:
            raise RunError(
                f"--evaluate-on {self.run.path} has {new} images with {self.found.asked.name} that are not fitted to "
                f"here, expected at least {FEWEST}; name a run of other images"
            )

    def known(self, known: np.ndarray) -> int:
        """How many of its images the predictors know."""
        return int(np.isin(self.numbers, known).sum())

    def asked_of(self, kept: Mapping[str, Kept], device: str) -> tuple[Images, int]:
        """What predictors say of its images that they do not know; and how many of these have a target."""
        known = next(iter(kept.values())).known
        new = np.flatnonzero(~np.isin(self.numbers, known))
        images = self.run.dataset().train_images
        on = worker_device(device, 0)
        said, step = {}, at_a_time(images)
        for name, one in kept.items():
            network = network_of(kept_path(self.run.path, name, "", False), one)
            parts = [new[first : first + step] for first in range(0, len(new), step)]
            found = [ask(one, network, images[part], self.labels[part], on) for part in parts]
            said[name] = np.concatenate(found, axis=1).astype(np.float64)
        examples = self.run.examples
        classes = examples.labels if examples.true_labels is None else examples.true_labels
        target = self.found.target.of_examples(new)
        there = Images(said, target, classes[new], units_of(examples.near_group)[new])
        return there, int((~np.isnan(target.everything())).sum())


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


def images_elsewhere(run: Run, other: Run, target: Asked, with_label: bool) -> Elsewhere:
    """Its images and their target. OptionError where predictors are given labels, and it has another class."""
    ensure_examples(other)
    there = target_of(other, target, split=False)
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
    return Elsewhere(other, there, labels, image_numbers(other.dataset().train_images))
