"""From the ledger to counts: what the models of one size got right, with and without every example.

Reads one file of the ledger at a time, so that memory holds one file and the sums. Models that diverged are left out,
and their number is kept.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from memscope.analysis.fit import interpolates
from memscope.analysis.memorisation import Counts, count_outcomes, probability_of, stack_blocks
from memscope.analysis.statistics.correlation import agreement_of_halves
from memscope.errors import RunError
from memscope.plan.backends import TORCH
from memscope.run import Run
from memscope.store.ledger import CODE, ONEHOT, Outcome, Task, finished_tasks, read_outcome

HOW = ("device", "precision", "torch_version", "memscope_version")
"""What is reported if the models of a run were not all made alike."""


@dataclass(frozen=True, eq=False)
class SizeCounts:
    """What the models of one size did: counts [blocks, examples], and numbers of each model [models]."""

    blocks: tuple[int, ...]
    """Numbers of the blocks of models that have a place in the counts"""
    hard: Counts
    soft: Counts | None
    """None if log-odds are not known"""
    models: np.ndarray
    """int64 [models], their numbers"""
    own_accuracy: np.ndarray
    """float64 [models], the share of its own subset that each model fits"""
    test_accuracy: np.ndarray
    """float64 [models]"""
    seconds: np.ndarray
    """float64 [models], time of training and evaluation"""
    teacher_seconds: np.ndarray
    """float64 [models], the part of `seconds` that a teacher took"""
    diverged: tuple[int, ...]
    """Numbers of the models that were left out"""
    made_by: frozenset[tuple[str, str]]
    """How the models were made, and by which backend: one pair if all were made alike"""

    def hard_of(self, blocks: Collection[int]) -> Counts:
        """The hard counts over the models of some blocks."""
        return self.hard.only([position for position, block in enumerate(self.blocks) if block in blocks])

    @property
    def used(self) -> int:
        return len(self.own_accuracy)

    @property
    def agreement(self) -> float:
        """Rank correlation of the scores of the halves of the blocks; NaN with fewer than two blocks."""
        return agreement_of_halves(lambda half: self.hard_of(half).score, self.blocks)

    @property
    def interpolates(self) -> bool:
        """Whether the median model fits what it was trained on."""
        return interpolates(self.own_accuracy)


@dataclass
class Tally:
    """Adds up what the models of one size did, outcome by outcome."""

    run: Run
    hard: dict[int, Counts] = field(default_factory=dict)
    soft: dict[int, Counts] = field(default_factory=dict)
    soft_known: bool = True
    columns: dict[str, list[float]] = field(default_factory=dict)
    diverged: list[int] = field(default_factory=list)
    made_by: set[tuple[str, str]] = field(default_factory=set)
    """How outcomes were made, and the backend"""

    def add(self, task: Task, outcome: Outcome, good: np.ndarray) -> None:
        """Add the models of an outcome that are `good`, bool [models]; the others count as diverged."""
        how = ", ".join(outcome.made_by.get(key, "?") for key in HOW)
        self.made_by.add((how, outcome.made_by.get("backend", TORCH)))
        numbers = np.array(task.models)
        self.diverged += [int(model) for model in numbers[~good]]
        if not good.any():
            return
        examples = self.run.examples
        mask = outcome.in_subset[good]
        block = task.first // self.run.plan.block  # a task never crosses blocks: its unit divides the block
        add(self.hard, block, count_outcomes(mask, outcome.predicted_train[good] == examples.labels))
        probability = probability_of(outcome.log_odds_train[good])
        self.soft_known = self.soft_known and not np.isnan(probability).any()
        if self.soft_known:
            add(self.soft, block, count_outcomes(mask, probability))
        teacher = np.zeros(len(good)) if outcome.teacher_seconds is None else outcome.teacher_seconds
        for name, values in (
            ("models", numbers[good]),
            ("own_accuracy", outcome.own_accuracy[good]),
            ("test_accuracy", (outcome.predicted_test[good] == examples.test_labels).mean(1)),
            ("seconds", outcome.seconds[good]),
            ("teacher_seconds", teacher[good]),
        ):
            self.columns.setdefault(name, []).extend(values.tolist())

    def counts(self) -> SizeCounts | None:
        """The counts that were added up; None if no model was good."""
        if not self.hard:
            return None
        columns = {name: np.array(values) for name, values in self.columns.items()}
        return SizeCounts(
            blocks=tuple(sorted(self.hard)),
            hard=stack_blocks([self.hard[block] for block in sorted(self.hard)]),
            soft=stack_blocks([self.soft[block] for block in sorted(self.soft)]) if self.soft_known else None,
            **columns,
            diverged=tuple(self.diverged),
            made_by=frozenset(self.made_by),
        )


Add = Callable[[Task, Outcome, np.ndarray], None]
"""Called as the ledger is read, with a task, its outcome, and bool [models]: which of its models did not diverge."""


def count_size(run: Run, size: int, variant: str = ONEHOT, also: Sequence[Add] = ()) -> SizeCounts:
    """The counts of one size; RunError if it has no model that can be scored. `also` adds up other things."""
    tally = Tally(run)
    for task, outcome in run.outcomes(size, variant):
        for add_up in (tally.add, *also):
            add_up(task, outcome, ~outcome.diverged)
    counts = tally.counts()
    if counts is None:
        lost = f" but {len(tally.diverged)} that diverged" if tally.diverged else ""
        raise RunError(
            f"{run.path} has no finished model of {run.plan.axis} {size}{lost}; run memscope train-family {run.path}"
        )
    return counts


def count_pairs(run: Run, size: int, variant: str) -> tuple[SizeCounts, SizeCounts] | None:
    """The counts of one size's one-hot models and of another variant's models with the same numbers, and no others.

    A model that diverged in either is left out of both. None if no pair remains.
    """
    both = Tally(run), Tally(run)
    finished = set(finished_tasks(run.path, run.plan, size, variant))
    for task, outcome in run.outcomes(size):
        partner = replace(task, variant=variant)
        if partner in finished:
            other = read_outcome(run.path, run.plan, partner)
            good = ~(outcome.diverged | other.diverged)
            both[0].add(task, outcome, good)
            both[1].add(partner, other, good)
    onehot, others = both[0].counts(), both[1].counts()
    return None if onehot is None or others is None else (onehot, others)


def ways(made_by: Collection[frozenset[tuple[str, str]]]) -> tuple[str, ...]:
    """How the models of all sizes were made; with the backend only if one size has several, which no plan asks for."""
    mixed = any(len({backend for _, backend in size}) > 1 for size in made_by)
    return tuple(sorted({f"{how}, {backend}" if mixed else how for size in made_by for how, backend in size}))


def note_code(known: dict[str, set[str]], task: Task, outcome: Outcome, good: np.ndarray) -> None:
    """Add the code that made an outcome's models, if some are good, to what is `known` for each kind in CODE.

    Files from before this was recorded say nothing, which does not count as other code.
    """
    for kind in CODE:
        if good.any() and kind in outcome.made_by:
            known.setdefault(kind, set()).add(outcome.made_by[kind])


def add(counts: dict[int, Counts], block: int, more: Counts) -> None:
    counts[block] = counts[block] + more if block in counts else more


def sizes_in_ledger(run: Run) -> tuple[int, ...]:
    """The sizes that have at least one outcome; RunError if none has."""
    sizes = tuple(size for size in run.plan.sizes if finished_tasks(run.path, run.plan, size))
    if not sizes:
        kept = any((run.path / "results").glob("*.h5"))
        look = ", or look at what was found of models elsewhere with --stored" if kept else ""
        raise RunError(f"{run.path} has no finished models yet; run memscope train-family {run.path}{look}")
    return sizes
