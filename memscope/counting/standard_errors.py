"""How large the errors of a run's scores are, and how many more models smaller errors would take."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from memscope.analysis.memorisation import memorisation_from_counts
from memscope.analysis.population.estimate import population_from_sums
from memscope.analysis.statistics.means import rms
from memscope.analysis.statistics.more_models import (
    agreement_with,
    error_with,
    models_for_agreement,
    models_for_error,
)
from memscope.counting.outcomes import sizes_in_ledger
from memscope.counting.population import count_and_sum
from memscope.errors import OptionError
from memscope.plan.plan import Plan
from memscope.run import Run
from memscope.work.timing import spent_on

TARGETS = (0.1, 0.05, 0.025)
"""Root mean squared standard errors that `status` forecasts the models for."""


@dataclass(frozen=True)
class Until:
    """When to stop adding models: every limit that is given must hold at every size."""

    error: float | None = None
    """Root mean squared standard error of the raw score, at most"""
    error_population: float | None = None
    """Root mean squared posterior standard deviation of the population estimate, at most"""
    agreement: float | None = None
    """Rank correlation of the scores of the two halves of the models, at least"""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not 0 < value < 1:
                option = f"--until-{name.replace('_', '-')}"
                raise OptionError(f"{option} is {value}; it must lie between 0 and 1")

    @property
    def asked(self) -> bool:
        return any(value is not None for value in vars(self).values())


@dataclass(frozen=True)
class SizeErrors:
    """The errors of the scores of one size so far."""

    size: int
    models: int
    error: float
    """Root mean squared standard error of the raw score; NaN with fewer than two models on a side"""
    agreement: float
    """Rank correlation of the scores of the halves of the blocks; NaN with fewer than two blocks"""
    error_population: float | None
    """None if it was not asked for"""
    seconds: float
    """Median time of a model; NaN if not known"""

    def error_with(self, models: int) -> float:
        """The error of the raw score with another number of models."""
        return error_with(self.error, self.models, models)

    def agreement_with(self, models: int) -> float:
        """The agreement of the halves of another number of models; NaN if it is not known."""
        return agreement_with(self.agreement, self.models, models)


@spent_on("scoring")
def errors_so_far(run: Run, population: bool) -> list[SizeErrors]:
    """The errors of every size in the ledger."""
    sizes = sizes_in_ledger(run)
    counts, (sums,) = count_and_sum(run, sizes)
    sd = population_from_sums(sums, types=False, shares=False).score_sd if population else None
    return [
        SizeErrors(
            size,
            one.used,
            rms(memorisation_from_counts(one.hard.total()).standard_error),
            one.agreement,
            None if sd is None else rms(sd[at]),
            float(np.median(one.seconds)) if len(one.seconds) else float("nan"),
        )
        for at, (size, one) in enumerate(zip(sizes, counts, strict=True))
    ]


def reached(found: list[SizeErrors], until: Until) -> bool:
    """Whether all that was asked for holds at every size."""
    wanted = [
        *((one.error, until.error) for one in found if until.error is not None),
        *((one.error_population, until.error_population) for one in found if until.error_population is not None),
        *((-one.agreement, -until.agreement) for one in found if until.agreement is not None),
    ]
    # NaN, which means not known yet, is not reached
    return all(value is not None and limit is not None and value <= limit for value, limit in wanted)


def told(found: list[SizeErrors], until: Until, plan: Plan) -> str:
    """The worst value over the sizes of each limit that was asked for, as text."""
    parts = []
    if until.error is not None:
        parts.append(f"error of the raw score {worst(one.error for one in found)} (until {until.error:g})")
    if until.error_population is not None:
        sd = worst(one.error_population for one in found)
        parts.append(f"of the population estimate {sd} (until {until.error_population:g})")
    if until.agreement is not None:
        agreement = worst((one.agreement for one in found), smallest=True)
        parts.append(f"agreement of the halves {agreement} (until {until.agreement:g})")
    return f"{plan.models} models of each {plan.axis}: " + ", ".join(parts)


def worst(values: Any, smallest: bool = False) -> str:
    known = [value for value in values if value is not None and not math.isnan(value)]
    return f"{min(known) if smallest else max(known):.3f}" if known else "not known yet"


def models_for(models: int, error: float, target: float, plan: Plan) -> int:
    """Models per size, in whole blocks, for another root mean squared error."""
    return plan.whole_blocks(models_for_error(models, error, target))


def models_until(found: list[SizeErrors], until: Until, plan: Plan) -> int | None:
    """The models per size that `until` will take, as predicted from those that exist; None if they do not say.

    For the error of the population estimate, it is the number that the raw score would need: an upper limit.
    """
    needed = []
    for one in found:
        for target in (until.error, until.error_population):
            if target is not None:
                needed.append(None if math.isnan(one.error) else models_for(one.models, one.error, target, plan))
        if until.agreement is not None:
            enough = models_for_agreement(one.models, one.agreement, until.agreement)
            needed.append(None if enough is None else plan.whole_blocks(enough))
    if not needed or None in needed:
        return None
    return max(plan.models, *(models for models in needed if models is not None))


def next_models(found: list[SizeErrors], until: Until, plan: Plan) -> int:
    """The next number of models per size: a block more, or half of those that the raw error still needs, if more."""
    more = plan.block
    if until.error is not None:
        errors = [one.error for one in found if not math.isnan(one.error)]
        if errors:
            needed = models_for(plan.models, max(errors), until.error, plan)
            more = max(more, (needed - plan.models) // 2 // plan.block * plan.block)
    return plan.models + more
