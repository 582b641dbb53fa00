"""`memscope convergence`: what fewer of a run's models would have said."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from memscope.analysis.convergence import FEWEST_BLOCKS, numbers_of_blocks
from memscope.analysis.trajectories import TYPES, check_options
from memscope.counting.convergence import good_blocks, rows_of
from memscope.counting.outcomes import sizes_in_ledger
from memscope.counting.population import count_and_sum
from memscope.errors import OptionError, RunError
from memscope.reports.convergence import RESULTS, ConvergenceReport, OverSets
from memscope.reports.keys import stored_keys
from memscope.run import Run, open_run
from memscope.steps.drawing import Drawing, write
from memscope.store.ledger import state_for
from memscope.store.results import read_results, write_results
from memscope.store.stored_reports import read_report
from memscope.text import counted
from memscope.work.carrying_out import Say, silent
from memscope.work.timing import spent_on


def convergence(
    path: str | os.PathLike[str],
    models: Sequence[int] | None = None,
    epsilon: float = 0.2,
    confidence: float = 0.8,
    seed: int = 0,
    *,
    plot: Drawing | Path | None = None,
    say: Say = silent,
) -> ConvergenceReport:
    """Look at sets of fewer models, write `results/convergence.h5`, and return what was found.

    `models` are the numbers of models of each size to look at, beside all of them; by default one, two, five, ten ...
    blocks, and half. `plot` says where the figures go, and how they look. RunError for fewer than two blocks that every
    size has whole; OptionError for numbers of models that are no whole blocks, or more than there are.
    """
    found = convergence_of(path, models, epsilon, confidence, seed, say)
    if plot is not None:
        found = replace(found, figures=tuple(str(picture) for picture in draw_convergence_figures(path, plot)))
    return found


def draw_convergence_figures(run_path: str | os.PathLike[str], plot: Drawing | Path) -> list[Path]:
    """Draw what is stored; the paths of the files. RunError where there is nothing."""
    from memscope.plots.convergence.figures import figures  # loads matplotlib

    run = open_run(run_path)
    _, _, summary = read_results(run.path, "convergence", run.plan)
    return write(plot, figures(read_report(run.path, "convergence", summary)))


@spent_on("scoring")
def convergence_of(
    path: str | os.PathLike[str],
    models: Sequence[int] | None,
    epsilon: float,
    confidence: float,
    seed: int,
    say: Say,
) -> ConvergenceReport:
    """Compute, write `results/convergence.h5`, and return what is stored there."""
    check_options(epsilon, confidence)
    run = open_run(path)
    plan, sizes = run.plan, sizes_in_ledger(run)
    ledger = state_for(run.path, plan, RESULTS)
    say("reading the outcomes")
    _, (sums,) = count_and_sum(run, sizes)
    blocks = good_blocks(sums, plan.block)
    numbers = asked_numbers(run, blocks, models)
    examples = run.examples
    found = ConvergenceReport(
        run=str(path),
        axis=plan.axis,
        epsilon=epsilon,
        confidence=confidence,
        data=plan.data.spec,
        family=plan.learner,
        fraction=plan.fraction,
        examples=len(examples.labels),
        looked_at=len(sums.sample),
        flipped=None if examples.flipped is None else int(examples.flipped.sum()),
        block=plan.block,
        models=len(blocks) * plan.block,
        trainer=plan.recipe.trainer,
        rows=rows_of(sums, blocks, plan.block, sizes, numbers, epsilon, confidence, seed, say),
    )
    write_results(run.path, plan, "convergence", arrays_of(found, sizes), ledger, stored_keys(found))
    return found


def asked_numbers(run: Run, blocks: Sequence[int], models: Sequence[int] | None) -> list[int]:
    """The numbers of blocks to look at, the last of which is all; OptionError or RunError where that cannot be."""
    block, every = run.plan.block, len(blocks)
    if every < FEWEST_BLOCKS:
        raise RunError(
            f"{run.path} has {counted(every, 'block')} of {block} models that every {run.plan.axis} has whole, without "
            f"one that diverged, and fewer models than all need at least {FEWEST_BLOCKS}; train what is missing with "
            f"memscope train-family {run.path}, or more with --models {run.plan.models + block}"
        )
    if models is None:
        return numbers_of_blocks(every)
    for number in models:
        if number < 1 or number % block or number > every * block:
            raise OptionError(
                f"--models has {number}, expected whole blocks of {block}, from {block} to {every * block}, the models "
                f"that every {run.plan.axis} has"
            )
    return sorted({number // block for number in models} | {every})


def arrays_of(found: ConvergenceReport, sizes: Sequence[int]) -> dict[str, Any]:
    """The arrays of the group `convergence`."""
    arrays: dict[str, Any] = {
        "size": np.array(sizes),
        "models": np.array([row.models for row in found.rows]),
        "sets": np.array([row.sets for row in found.rows]),
    }
    for name in (
        "error",
        "standard_error",
        "expected",
        "population_error",
        "population_sd",
        "as_good_as",
        "spread",
        "agreement",
        "expected_agreement",
        "soft_agreement",
    ):
        arrays[name] = np.array([[value_of(getattr(at, name)) for at in row.sizes] for row in found.rows])
    kinds = [row.types for row in found.rows if row.types is not None]
    if kinds:
        arrays["type"] = list(TYPES)
        for name, field in (
            ("raw_share", "raw"),
            ("flat_share", "if_all_flat"),
            ("called_share", "called"),
            ("population_share", "population"),
        ):
            arrays[name] = np.array([[value_of(getattr(kind, field)[each]) for each in TYPES] for kind in kinds])
    return arrays


def value_of(value: OverSets | float) -> float:
    return value.value if isinstance(value, OverSets) else value
