"""The arms of `memscope influence RUN --remove N` and `--peel N`: which examples each is trained without, and where.

Each arm is a derived run, RUN/removal/N-at-AXIS-SIZE-seed-SEED/ARM, beside its file of changes, ARM.csv. What decides
which examples these are is in that name, but for the scores, which may change as RUN grows; so the files are written
once, before anything is trained, and say from then on what is removed: all arms are of one choice, however many calls
it takes to train them. Both commands share them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memscope.analysis.removal import FEWEST_SETS, choose_removal, filled
from memscope.analysis.statistics.crossed import units_of
from memscope.datasets.changes import DROP, decided
from memscope.datasets.changes_file import changes_text, read_changes
from memscope.errors import OptionError, RunError
from memscope.files.atomic import write_atomically
from memscope.plan.plan import Plan
from memscope.plan.recipe import OWN_LOOP
from memscope.reports.results import RESULTS
from memscope.run import Run, open_run, plan_path
from memscope.store.ledger import Task, all_tasks, missing_tasks, outcome_path, state_for
from memscope.store.results import read_results, results_path
from memscope.streams import permutation, stream
from memscope.work.options import Choices

ALL, MOST, LEAST, PAIRS = "all", "most", "least", "pairs"
RANDOM, MATCHED = "random", "matched"
NAME = re.compile("all|most|least|pairs|(random|matched)-[1-9][0-9]{0,4}")


@dataclass(frozen=True)
class Removing:
    """What is asked for; None: the default."""

    count: int
    """Examples that are removed"""
    size: int | None = None
    """Whose scores say which are memorised; by default the largest"""
    sets: int | None = None
    """Random sets; by default five, or as many as there are"""
    models: int | None = None
    """Of each size and arm, in whole blocks; by default one block, or as many as there are"""
    seed: int | None = None
    """Of the random sets and of all models; by default the run's and one"""


@dataclass(frozen=True, eq=False)
class ListedPairs:
    """The helpful pairs that `memscope influence` lists at one size."""

    train: NDArray[np.int64]
    """[pairs], positions"""
    test: NDArray[np.int64]
    influence: NDArray[np.float64]
    """In models that had no part in choosing the pair"""
    chosen_by: NDArray[np.float64]
    """In those that had"""

    def of(self, removed: NDArray[np.bool_]) -> "ListedPairs":
        """Those whose training example is removed, bool [N]."""
        here = removed[self.train]
        return ListedPairs(self.train[here], self.test[here], self.influence[here], self.chosen_by[here])


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
    pairs: tuple[ListedPairs, ...] | None
    """By size of the run; None where `memscope influence` has not said which there are"""

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

    OptionError for what cannot be asked for, RunError where the scores are missing, old, or of part of the models.
    """
    check_removing(run, asked)
    plan = run.plan
    sizes = [int(size) for size in run.results("score")["size"]]
    size = sizes[-1] if asked.size is None else asked.size
    scores = run.scores(size)["score"].astype(np.float64)
    seed = plan.seed + 1 if asked.seed is None else asked.seed
    directory = run.path / "removal" / f"{asked.count}-at-{plan.axis}-{size}-seed-{seed}"
    kept = kept_sets(run, directory, asked.count)
    if MOST not in kept:
        check_scores(run)
    pairs = listed_pairs(run)
    here = None if pairs is None else pairs[plan.sizes.index(size)]
    sets = asked.sets or max(FEWEST_SETS, *(int(name.partition("-")[2] or 0) for name in kept), 0)
    chosen = chosen_sets(run, scores, asked.count, sets, seed, here, kept)
    every = tuple(Arm(name, directory / name, removed) for name, removed in chosen.items())
    arms = tuple(arm for arm in every if arm.kind in kinds)
    given = (("--size", asked.size), ("--arm-seed", asked.seed))
    options = tuple(word for name, value in given if value is not None for word in (name, str(value)))
    return Arms(run, size, models_of(run, asked, arms), seed, arms, every, options, pairs)


def check_removing(run: Run, asked: Removing) -> None:
    """OptionError for what cannot be asked for, whatever the scores are."""
    if asked.count < 1:
        raise OptionError(f"{asked.count} examples are to be removed; it must be at least 1")
    if asked.sets is not None and asked.sets < FEWEST_SETS:
        raise OptionError(f"--sets is {asked.sets}; random sets must be at least {FEWEST_SETS} to compare with")
    if asked.models is not None and asked.models < 1:
        raise OptionError(f"--arm-models is {asked.models}; it must be at least 1")
    if asked.seed == run.plan.seed:
        raise OptionError(
            f"--arm-seed is {asked.seed}, the seed of {run.path}, so that models would be those by which examples were "
            "chosen; take another"
        )


def models_of(run: Run, asked: Removing, arms: Iterable[Arm]) -> int:
    """Models of each size in every arm."""
    if asked.models is not None:
        return run.plan.whole_blocks(asked.models)
    there = [open_run(arm.path).plan.models for arm in arms if plan_path(arm.path).is_file()]
    return max(there, default=run.plan.block)


def chosen_sets(
    run: Run,
    scores: NDArray[np.float64],
    count: int,
    sets: int,
    seed: int,
    pairs: ListedPairs | None,
    kept: dict[str, NDArray[np.bool_]],
) -> dict[str, NDArray[np.bool_]]:
    """By the name of every arm what it is trained without, bool [N]; what is `kept` of before stays."""
    labels, flipped, units = run.examples.labels, run.examples.flipped, units_of(run.examples.near_group)
    if MOST in kept:
        scores = scores.copy()
        scores[kept[MOST]] = 2.0  # above all scores: they were the most memorised when they were chosen
    found = choose_removal(scores, labels, units, count, sets=sets, seed=seed)
    arms = {ALL: np.zeros(len(labels), dtype=bool), MOST: found.most, LEAST: found.least}
    if pairs is not None and len(pairs.train):
        arms[PAIRS] = set_of_pairs(pairs, labels, units, found.most, seed)
    arms |= {f"{RANDOM}-{number}": one for number, one in enumerate(found.random, 1)}
    if flipped is not None and flipped.any():
        matched = choose_removal(scores, labels, units, count, flipped=flipped, sets=sets, seed=seed).random
        arms |= {f"{MATCHED}-{number}": one for number, one in enumerate(matched, 1)}
    return {name: kept.get(name, removed) for name, removed in arms.items()}


def set_of_pairs(
    pairs: ListedPairs, labels: NDArray[np.int64], units: NDArray[np.int64], most: NDArray[np.bool_], seed: int
) -> NDArray[np.bool_]:
    """bool [N]: training examples of pairs, the strongest first, as many of each class as `most` has; where a class has
    too few, random others of it."""
    classes, unit = (np.unique(values, return_inverse=True)[1] for values in (labels, units))
    strongest = unit[pairs.train[np.argsort(-pairs.chosen_by, kind="stable")]]
    # one after the other, each unit once
    order = np.array(list(dict.fromkeys([*strongest, *permutation(stream("removal fill", seed), int(unit.max()) + 1)])))
    found = filled(order, unit, classes, np.bincount(classes[most], minlength=int(classes.max()) + 1))
    if found is None:
        raise OptionError(
            f"no whole groups of copies of the examples of pairs make up {int(most.sum())}; take another number"
        )
    return found


def listed_pairs(run: Run) -> tuple[ListedPairs, ...] | None:
    """The helpful pairs that are listed, by size of the plan; None where `memscope influence` has not been run."""
    if not results_path(run.path, "influence").is_file():
        return None
    found = run.results("influence")
    for name, most in (("train_example", len(run.examples.labels)), ("test_example", len(run.examples.test_labels))):
        if found[name].size and not 0 <= found[name].min() <= found[name].max() < most:
            raise RunError(
                f"{results_path(run.path, 'influence')}: {name} reaches beyond the {most:,} of the run; make it again "
                f"with memscope influence {run.path}"
            )
    by_size = []
    for size in run.plan.sizes:
        here = (found["pair_size"] == size) & (found["chosen_by"] > 0)
        by_size.append(
            ListedPairs(
                found["train_example"][here].astype(np.int64),
                found["test_example"][here].astype(np.int64),
                found["influence"][here].astype(np.float64),
                found["chosen_by"][here].astype(np.float64),
            )
        )
    return tuple(by_size)


def check_scores(run: Run) -> None:
    """RunError unless the scores rest on all the models that are planned: what is chosen by them stays."""
    missing = sum(task.count for task in missing_tasks(run.path, run.plan))
    if missing:
        raise RunError(
            f"{run.path} lacks {missing:,} of its planned models, and what is removed is chosen once, by the scores of "
            f"all; train them first: memscope train-family {run.path}"
        )
    if read_results(run.path, "score", run.plan)[1] != state_for(run.path, run.plan, RESULTS["score"]):
        raise RunError(
            f"the scores of {run.path} are of fewer models than there are, and what is removed is chosen once, by the "
            f"scores of all; run memscope score {run.path}"
        )


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
    same scores; of the most memorised first, which the others follow from."""
    wanting = [arm for arm in arms.every if not arm.file.is_file()]
    if not wanting:
        return
    dataset = arms.run.dataset()
    for arm in sorted(wanting, key=lambda arm: arm.name != MOST):
        changes = decided(dataset, dataset.train_index[arm.removed].tolist())
        write_atomically(arm.file, changes_text(changes))
