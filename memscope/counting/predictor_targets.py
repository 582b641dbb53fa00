"""From a run to what predictors are fitted to: `score@16`, `residual@4`, or the numbers of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt
from pathlib import Path

import numpy as np

from memscope.analysis.memorisation import stack_blocks
from memscope.analysis.population.ceiling import score_ceilings
from memscope.analysis.predictor_target import (
    Target,
    check_halves,
    target_of_counts,
    target_of_models,
    target_of_numbers,
)
from memscope.analysis.statistics.ceilings import LEAST_AGREEMENT, measurable, reliability
from memscope.analysis.statistics.correlation import rank_correlation
from memscope.analysis.statistics.within import within_classes
from memscope.counting.needed import whole_blocks
from memscope.counting.outcomes import sizes_in_ledger
from memscope.counting.population import count_and_sum
from memscope.counting.proxies import residuals_at
from memscope.datasets.score_table import read_score_table
from memscope.errors import OptionError, RunError
from memscope.files.places import at_home
from memscope.reports.target import RESIDUAL, SCORE
from memscope.run import Run
from memscope.store.examples import examples_path
from memscope.store.memories import finished_memories

KINDS = (SCORE, RESIDUAL)
FEWEST = 10
"""Images of a part whose target must be known"""


@dataclass(frozen=True)
class Asked:
    """A target as it was asked for."""

    kind: str
    """`score`, `residual` or `table`"""
    size: int | None = None
    file: Path | None = None

    @property
    def name(self) -> str:
        return str(self.file.name) if self.file is not None else f"{self.kind}@{self.size}"


@dataclass(frozen=True, eq=False)
class TargetFound:
    """The target of a run's training examples, and what noise leaves of it."""

    asked: Asked
    target: Target
    models: int
    """Of one size; 0 where it rests on none"""
    ceiling: float
    """The most that noise lets a rank correlation with the target of half of the models be; NaN where that cannot be
    said, or where there is no noise of models"""
    within_ceiling: float
    """The same within classes"""


def asked_for(text: str) -> Asked:
    """What `score@16`, `residual@4` or the name of a file asks for. OptionError for what is neither."""
    kind, at, size = text.partition("@")
    if at and kind in KINDS:
        if not (size.isascii() and size.isdigit()):
            raise OptionError(f"--target is {text!r}; after {kind}@ there must be a width or depth, as in {kind}@16")
        return Asked(kind, int(size))
    file = at_home(text)
    if not file.is_file():
        raise OptionError(
            f"--target is {text!r}, neither score@SIZE, residual@SIZE nor a file that is there; as in score@16, "
            "residual@4 or measured.csv"
        )
    return Asked("table", file=file)


def target_of(run: Run, asked: Asked) -> TargetFound:
    """The target of a run. OptionError for a size that it has not, and for one block of models, which cannot be split;
    RunError where what it rests on is missing."""
    if asked.file is not None:
        table = read_score_table(asked.file, run.examples.index, run.examples.names)
        return TargetFound(asked, target_of_numbers(table.values), 0, nan, nan)
    check_target(run, asked)
    found = score_of(run, asked) if asked.kind == SCORE else residuals_of(run, asked)
    more = f"train more models with memscope train-family {run.path} --models {2 * run.plan.block}"
    check_halves(found.target, f"{asked.name} of {run.path}", more)
    return found


def check_target(run: Run, asked: Asked) -> None:
    """What `target_of` would raise for want of models, memories or a table, before anything is read or written."""
    if asked.file is not None:
        if examples_path(run.path).is_file():
            read_score_table(asked.file, run.examples.index, run.examples.names)
        return
    sizes = sizes_in_ledger(run)
    if asked.size not in sizes:
        raise OptionError(
            f"the target is {asked.name}, and {run.path} has no models of {run.plan.axis} {asked.size}; it has "
            f"{list(sizes)}"
        )
    if asked.kind == RESIDUAL and not any(finished_memories(run.path, run.plan, asked.size)):
        raise without_memories(run, asked)


def without_memories(run: Run, asked: Asked) -> RunError:
    return RunError(
        f"{run.path} has no residual memories of {run.plan.axis} {asked.size}, from which {asked.name} is; make them "
        f"with memscope resmem {run.path}"
    )


def score_of(run: Run, asked: Asked) -> TargetFound:
    assert asked.size is not None
    blocks = whole_blocks(run, [asked.size])
    if not blocks:
        raise RunError(
            f"{run.path} has no whole block of {run.plan.block} models of {run.plan.axis} {asked.size}; train what is "
            f"missing with memscope train-family {run.path}"
        )
    (counts,), (sums,) = count_and_sum(run, [asked.size], [set(blocks)])
    stacked = stack_blocks([counts.hard_of([block]) for block in blocks])
    ceiling = within_ceiling = nan
    number = len(blocks)
    if number > 1 and measurable(reliability(lambda kept: stacked.only(kept).score, number)):
        halves = [stacked.only(list(range(half, number, 2))) for half in (0, 1)]
        models = [np.stack([one.n_in, one.n_out])[:, np.newaxis].astype(np.int64) for one in halves]
        if all((one > 0).all() for one in models):
            agreements = rank_correlation, within_classes(run.examples.shown_classes)
            ceiling, within_ceiling = np.mean([score_ceilings(sums, one, agreements)[:, 0] for one in models], axis=0)
    return TargetFound(asked, target_of_counts(stacked), counts.used, float(ceiling), float(within_ceiling))


def residuals_of(run: Run, asked: Asked) -> TargetFound:
    """The norms of residuals of models that were trained on the example, at temperature 1."""
    assert asked.size is not None
    values = residuals_at(run, asked.size)
    if values is None:
        raise without_memories(run, asked)
    target = target_of_models(values.values, values.blocks)
    ceilings = [nan, nan]
    if target.blocks > 1:
        # norms hardly tie, so that the halves' agreement tells how a half agrees with the truth
        halves = target.halves()
        agreements = rank_correlation(*halves), within_classes(run.examples.shown_classes)(*halves)
        ceilings = [sqrt(one) if one > LEAST_AGREEMENT else nan for one in agreements]
    return TargetFound(asked, target, len(values.models), *ceilings)


def known_examples(halves: np.ndarray, which: Sequence[int] | np.ndarray) -> int:
    """Of these examples, those of which both halves know the target."""
    return int((~np.isnan(halves[:, which])).all(axis=0).sum())
