"""`Run`: a run directory, opened. The steps and notebooks work on it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np

from memscope.analysis.fit import own_accuracy
from memscope.datasets.image_dataset import ImageDataset
from memscope.errors import OptionError, RunError
from memscope.files.atomic import create_atomically, write_atomically
from memscope.files.places import at_home
from memscope.plan.plan import Plan
from memscope.plan.plan_file import plan_to_toml, read_plan
from memscope.plan.recipe import RECORDED
from memscope.store.examples import Examples, open_dataset, read_examples
from memscope.store.ledger import (
    ONEHOT,
    Outcome,
    Task,
    finished_tasks,
    outcome_path,
    read_outcome,
    write_outcome,
)
from memscope.store.predictions import check_predictions, lost
from memscope.store.results import read_group
from memscope.version import __version__


@dataclass(frozen=True)
class Run:
    """One plan, the models trained for it, and everything measured from them.

    N training examples, M test examples; models are numbered from 0 at every size.
    """

    path: Path
    plan: Plan
    held: ImageDataset | None = field(default=None, compare=False, repr=False)
    """Its data set, where that was read into memory instead of the cache"""

    @cached_property
    def examples(self) -> Examples:
        """Labels and identity of every example."""
        return read_examples(self.path, self.plan.data.fingerprint)

    def dataset(self) -> ImageDataset:
        """The data set, its images memory-mapped unless it is held."""
        return self.held or open_dataset(self.path, self.examples, self.plan.data.spec)

    def subset(self, model: int) -> np.ndarray:
        """bool [N]: the training examples that a model sees, the same at every size."""
        return self.plan.subset(len(self.examples.labels), model)

    def outcomes(self, size: int, variant: str = ONEHOT) -> Iterator[tuple[Task, Outcome]]:
        """The ledger's outcomes of one size, a file at a time, in the order of their models."""
        for task in finished_tasks(self.path, self.plan, size, variant):
            yield task, read_outcome(self.path, self.plan, task)

    def results(self, group: str) -> dict[str, np.ndarray]:
        """A group of the results (`score`, `trajectories`) as arrays by name; docs/format.md lists them."""
        return read_group(self.path, group, self.plan)

    def scores(self, size: int) -> dict[str, np.ndarray]:
        """All that `memscope score` measured for one size: arrays [N] by name (`score`, `standard_error`, ...)."""
        found = self.results("score")
        sizes = [int(known) for known in found["size"]]
        if size not in sizes:
            raise OptionError(f"{self.path} has no scores of {self.plan.axis} {size}; it has {sizes}")
        row = sizes.index(size)
        count = len(self.examples.labels)
        return {name: values[row] for name, values in found.items() if values.shape[1:] == (count,)}

    def record(
        self,
        size: int,
        model: int,
        predictions: np.ndarray,
        log_odds: np.ndarray | None = None,
        replace: bool = False,
    ) -> None:
        """Put a model that was trained elsewhere, on `subset(model)`, into the ledger.

        `predictions` int [N + M] are its classes for the training and then the test examples. `log_odds` [N + M] of
        the given label (log p_y - log of the sum of the others) are needed only for soft scores; a NaN among them
        marks the model as diverged. An existing model is replaced only with `replace`. The run must have been made
        with `trainer="record"`: models of another recipe are never mixed with ours. MemscopeError if shapes, classes,
        size or model do not fit.
        """
        if self.plan.recipe.trainer != RECORDED:
            raise RunError(
                f"{self.path} trains its models by itself ({self.plan.recipe.trainer}); models trained elsewhere go "
                f"into a run made with --trainer {RECORDED}"
            )
        if size not in self.plan.sizes or not 0 <= model < self.plan.models:
            raise OptionError(
                f"{self.plan.axis} {size}, model {model} is not in the plan of {self.path}: sizes are "
                f"{list(self.plan.sizes)}, models 0 to {self.plan.models - 1}; grow it with memscope train-family"
            )
        task = Task(ONEHOT, size, model, 1)
        if not replace and outcome_path(self.path, self.plan, task).exists():
            raise RunError(
                f"{self.path} has {self.plan.axis} {size}, model {model} already; give replace=True "
                "to put another in its place"
            )
        num_train = len(self.examples.labels)
        classes, odds = check_predictions(
            predictions, log_odds, num_train + len(self.examples.test_labels), len(self.examples.class_names)
        )
        in_subset = self.subset(model)[None]
        outcome = Outcome(
            in_subset=in_subset,
            predicted_train=classes[None, :num_train],
            predicted_test=classes[None, num_train:],
            log_odds_train=odds[None, :num_train],
            log_odds_test=odds[None, num_train:],
            epoch_loss=np.full((1, self.plan.recipe.epochs), np.nan, dtype=np.float32),
            own_accuracy=own_accuracy(classes[None, :num_train], self.examples.labels, in_subset),
            diverged=np.array([lost(log_odds)]),
            seconds=np.full(1, np.nan, dtype=np.float32),
            made_by={
                "device": "elsewhere",
                "precision": "unknown",
                "torch_version": "unknown",
                "memscope_version": __version__,
            },
        )
        write_outcome(self.path, self.plan, task, outcome)


def plan_path(run: Path) -> Path:
    return run / "plan.toml"


def meant(directory: Path) -> str:
    """What to add to the error about a path that is no run: runs in it, or beside it under a name much like it."""
    inside = directory.is_dir()
    try:
        around = {
            one.parent.name: one.parent for one in (directory if inside else directory.parent).glob("*/plan.toml")
        }
    except OSError:
        return ""
    names = sorted(around) if inside else get_close_matches(directory.name, sorted(around), 3, 0.5)
    if not names:
        return ""
    listed = ", ".join(str(around[name]) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    return f"; it holds {listed}" if inside else f"; did you mean {listed} ?"


def open_run(path: str | os.PathLike[str]) -> Run:
    """Open a run directory, also `~/...`; RunError if it is not one, or if its plan cannot be read."""
    directory = at_home(path)
    if not plan_path(directory).is_file():
        found = (
            "has no plan.toml" if directory.is_dir() else "does not exist" if not directory.exists() else "is a file"
        )
        raise RunError(
            f"{directory} is not a run: it {found}. Expected a directory made by memscope train-family"
            + meant(directory)
        )
    return Run(directory, read_plan(plan_path(directory)))


def create_or_open(path: Path, plan: Plan) -> Run:
    """Create a run with this plan, or open the run if another process has just created it."""
    create_atomically(plan_path(path), plan_to_toml(plan))
    return open_run(path)


def grow(
    run: Run, sizes: tuple[int, ...], models: int, full_models: int = 0, dynamics: int = 0, spec: str | None = None
) -> Run:
    """The run with more sizes and models in its plan, more of them recorded, and perhaps a new place of its data.

    Nothing that exists changes.
    """
    with locked(run.path):
        saved = read_plan(plan_path(run.path))
        grown = saved.grown(sizes, models, full_models, dynamics)
        grown = grown if spec is None else replace(grown, data=replace(grown.data, spec=spec))
        if grown != saved:
            write_atomically(plan_path(run.path), plan_to_toml(grown))
    return Run(run.path, grown)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a lock on a directory for the moment that rewriting `plan.toml` takes.

    Otherwise, of two growths at once, one would be lost. The lock ends with its process, and nothing else waits for
    it: training needs none. On a file system without locks, nothing guards that moment.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
