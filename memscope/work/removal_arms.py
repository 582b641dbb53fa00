"""The arms of `memscope influence RUN --remove N` and `--peel N`: which examples each is trained without, and where.

Each arm is a derived run, RUN/removal/N-at-AXIS-SIZE-seed-SEED/ARM, beside its file of changes, ARM.csv. What decides
which examples these are is in that name, but for the scores, which may change as RUN grows; so the files are written
once, before anything is trained, and say from then on what is removed: all arms are of one choice, however many calls
it takes to train them. The pairs that are known then are written beside them, as `listed.h5`: they decide which test
examples are compared. Both commands share all that.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.removal import FEWEST_SETS
from memscope.datasets.changes import DROP, decided
from memscope.datasets.changes_file import changes_text, read_changes
from memscope.errors import RunError
from memscope.files.atomic import write_atomically
from memscope.plan.plan import Plan
from memscope.plan.recipe import OWN_LOOP
from memscope.run import Run, open_run, plan_path
from memscope.store.ledger import Task, all_tasks, outcome_path
from memscope.store.listed_pairs import Listed, read_listed, write_listed
from memscope.work.options import Choices
from memscope.work.removal_sets import (
    ALL,
    MOST,
    Removing,
    check_pairs,
    check_removing,
    check_scores,
    chosen_sets,
    listed_pairs,
    seed_of,
)

NAME = re.compile("all|most|least|pairs|(random|matched)-[1-9][0-9]{0,4}")
LISTED = "listed.h5"


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm: a derived run, of which nothing need be there yet."""

    name: str
    """`all`, `most`, `least`, `pairs`, `random-1`, `matched-1` and so on"""
    path: Path
    removed: NDArray[np.bool_]
    """[N]"""

    @property
    def file(self) -> Path:
        """Of its changes."""
        return self.path.with_name(f"{self.name}.csv")

    @property
    def kind(self) -> str:
        return self.name.partition("-")[0]


@dataclass(frozen=True, eq=False)
class Arms:
    """All arms that a call compares."""

    run: Run
    size: int
    models: int
    """Of each size in every arm"""
    seed: int
    arms: tuple[Arm, ...]
    """Those that are compared"""
    every: tuple[Arm, ...]
    """All that were chosen, whether they are compared or not"""
    options: tuple[str, ...]
    """Those that say which arms these are, as they were given"""
    pairs: Listed
    """Those that the choice was made with"""

    @property
    def listed(self) -> Path:
        """The file of these pairs."""
        return self.named(MOST).path.with_name(LISTED)

    def of_kind(self, kind: str) -> list[Arm]:
        return [arm for arm in self.arms if arm.kind == kind]

    def named(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)

    def plan(self, arm: Arm) -> Plan:
        """The arm's plan, or of one that is not there yet another with the same tasks."""
        plan = self.run.plan
        if plan_path(arm.path).is_file():
            return open_run(arm.path).plan.grown(plan.sizes, self.models)
        return replace(plan, models=self.models, dynamics=0)

    def missing(self, arm: Arm) -> list[Task]:
        """The tasks of an arm that are to be compared, and are not there yet."""
        plan = self.plan(arm)
        tasks = [task for task in all_tasks(plan) if task.size in self.run.plan.sizes and task.first < self.models]
        return [task for task in tasks if not outcome_path(arm.path, plan, task).is_file()]

    def choices(self, arm: Arm) -> Choices:
        """What `train-family` is asked for: all of the run's plan, but for its data, the seed and what may grow."""
        plan = self.run.plan
        return Choices(
            origin=self.run.path,
            changes=arm.file,
            equal_steps=True if plan.recipe.trainer == OWN_LOOP else None,
            widths=plan.sizes if plan.axis == "width" else None,
            depths=plan.sizes if plan.axis == "depth" else None,
            models=self.models,
            full=0,
            dynamics=0,
            seed=self.seed,
        )


def arms_of(run: Run, asked: Removing, kinds: Iterable[str]) -> Arms:
    """The arms of these kinds; nothing is written.

    OptionError for what cannot be asked for, RunError where the scores are missing, old, or of part of the models, or
    pairs are old.
    """
    check_removing(run, asked)
    plan = run.plan
    sizes = [int(size) for size in run.results("score")["size"]]
    size = sizes[-1] if asked.size is None else asked.size
    scores = run.scores(size)["score"].astype(np.float64)
    seed = seed_of(run, asked)
    directory = run.path / "removal" / f"{asked.count}-at-{plan.axis}-{size}-seed-{seed}"
    kept = kept_sets(run, directory, asked.count)
    if MOST not in kept:
        check_scores(run)
        check_pairs(run)
    pairs = pairs_of(run, directory, chosen=MOST in kept)
    sets = asked.sets or max(FEWEST_SETS, *(int(name.partition("-")[2] or 0) for name in kept), 0)
    chosen = chosen_sets(run, scores, asked.count, sets, seed, pairs.at(size), kept)
    every = tuple(Arm(name, directory / name, removed) for name, removed in chosen.items())
    arms = tuple(arm for arm in every if arm.kind in kinds)
    given = (("--size", asked.size), ("--arm-seed", asked.seed))
    options = tuple(word for name, value in given if value is not None for word in (name, str(value)))
    return Arms(run, size, models_of(run, asked, arms), seed, arms, every, options, pairs)


def pairs_of(run: Run, directory: Path, *, chosen: bool) -> Listed:
    """The pairs of a choice; those that are listed now where it is still to be made, or is older than their file."""
    file = directory / LISTED
    if not chosen or not file.is_file():
        return listed_pairs(run)
    return read_listed(
        run.path, file, run.plan.data.fingerprint, len(run.examples.labels), len(run.examples.test_labels)
    )


def models_of(run: Run, asked: Removing, arms: Iterable[Arm]) -> int:
    """Models of each size in every arm."""
    if asked.models is not None:
        return run.plan.whole_blocks(asked.models)
    there = [open_run(arm.path).plan.models for arm in arms if plan_path(arm.path).is_file()]
    return max(there, default=run.plan.block)


def kept_sets(run: Run, directory: Path, count: int) -> dict[str, NDArray[np.bool_]]:
    """What earlier calls have chosen, by arm. RunError for a file that is not theirs."""
    place = {index: at for at, index in enumerate(run.examples.index.tolist())}
    found = {}
    for file in sorted(one for one in directory.glob("*.csv") if NAME.fullmatch(one.stem)):
        changes = read_changes(file)
        removed = np.zeros(len(place), dtype=bool)
        known = [place[one.index] for one in changes.changes if one.decision == DROP and one.index in place]
        removed[known] = True
        expected = 0 if file.stem == ALL else count
        if changes.fingerprint != run.plan.data.fingerprint or not expected == len(known) == len(changes.changes):
            raise RunError(
                f"{file}: lists {len(known):,} examples of {run.path} to drop among {len(changes.changes):,} lines, "
                f"expected {expected:,} as memscope wrote them; put the original back, or remove {directory}"
            )
        found[file.stem] = removed
    return found


def write_choice(arms: Arms) -> None:
    """Write the files of changes that are not there yet, of arms that are not compared now too, so that they are of the
    same scores; of the most memorised first, which the others follow from. Before these come the pairs, which must be
    there once the choice is made."""
    wanting = [arm for arm in arms.every if not arm.file.is_file()]
    if not wanting:
        return
    dataset = arms.run.dataset()
    if not arms.named(MOST).file.is_file():
        write_listed(arms.listed, arms.run.plan.data.fingerprint, arms.pairs)
    for arm in sorted(wanting, key=lambda arm: arm.name != MOST):
        changes = decided(dataset, dataset.train_index[arm.removed].tolist())
        write_atomically(arm.file, changes_text(changes))
