"""Whether the population's types may lead in what a run tells: by its blocks of models, and its classes."""

import math

import numpy as np

from memscope.analysis.population.halves import FEWEST_BLOCKS, halve
from memscope.analysis.population.sums import PopulationSums
from memscope.analysis.population.told import FEWEST_EXAMPLES, Cell, Told, told, told_of
from memscope.analysis.statistics.intervals import Floats
from memscope.reports.trajectories import NotForetold, PopulationCheck
from memscope.run import Run

SPOKEN = {
    "types": "the raw shares of {what} trajectories",
    "classes": "the raw share of {what} trajectories in class {group}",
    "bins": "how often the likeliest type is measured where its probability is {group}",
    "spread": "how much scores change over the sizes ({group})",
}
"""What halves of the models do not foretell"""
MOVED = {
    "settled": "the share of {what} trajectories moves as models are added ({group})",
    "threshold": "the share of {what} trajectories hangs on the threshold, and is another one somewhat {group} epsilon",
}
"""What there is beside"""


def check_population(run: Run, sums: PopulationSums, near: Floats, epsilon: float, seed: int) -> PopulationCheck:
    """Let halves of the blocks foretell each other; where there are too few blocks or examples, say what lacks.

    `near` [3, 6] are the shares at thresholds below epsilon, at it, and above.
    """
    blocks, examples = len(sums.blocks), sums.examples
    if blocks < FEWEST_BLOCKS:
        reason = f"{blocks} blocks of models that every size has, of at least {FEWEST_BLOCKS}"
        return unchecked(reason, blocks, max(FEWEST_BLOCKS * run.plan.block, run.plan.models))
    if examples < FEWEST_EXAMPLES:
        return unchecked(f"{examples} examples, of at least {FEWEST_EXAMPLES}", blocks, None)
    halves = halve(sums, epsilon, seed)
    if len(halves.examples) < FEWEST_EXAMPLES:
        reason = f"{len(halves.examples)} examples that both halves measured, of at least {FEWEST_EXAMPLES}"
        return unchecked(reason, blocks, 2 * run.plan.models)
    labels, flipped = run.examples.labels, run.examples.flipped
    found = told(halves, {str(label): labels == label for label in np.unique(labels)}, near)
    groups = {} if flipped is None else {"flipped": flipped, "clean": ~flipped}
    within = {name: told_of(halves, members, name) for name, members in groups.items()}
    return PopulationCheck(
        passed=found.passed,
        reason=reason_of(found),
        blocks=blocks,
        examples=len(halves.examples),
        compared=len(found.cells),
        off=tuple(not_foretold(cell) for cell in found.off),
        subgroups={name: one.passed for name, one in within.items() if one is not None},
        models_that_would_tell=None if found.passed else 2 * run.plan.models,
    )


def unchecked(reason: str, blocks: int, models: int | None) -> PopulationCheck:
    return PopulationCheck(
        passed=False,
        reason=reason,
        blocks=blocks,
        examples=0,
        compared=0,
        off=(),
        subgroups={},
        models_that_would_tell=models,
    )


def reason_of(found: Told) -> str:
    """What is worst, and how much else there is."""
    if found.passed:
        return ""
    worst = found.off[0]
    others = f", and {len(found.off) - 1} more of {len(found.cells)}" if len(found.off) > 1 else ""
    errors = "" if math.isnan(worst.error) else f", {abs(not_foretold(worst).errors):.1f} standard errors"
    values = f"{worst.measured:.3f} against {worst.foretold:.3f}"
    if worst.family in MOVED:
        return f"{MOVED[worst.family].format(what=worst.what, group=worst.group)}: {values}{others}"
    what = SPOKEN[worst.family].format(what=worst.what, group=worst.group)
    return f"halves of the models do not foretell {what}: {values}{errors}{others}"


def not_foretold(cell: Cell) -> NotForetold:
    return NotForetold(
        family=cell.family,
        group=cell.group,
        what=cell.what,
        examples=cell.examples,
        measured=cell.measured,
        foretold=cell.foretold,
        errors=(cell.measured - cell.foretold) / cell.error if cell.error > 0 else math.nan,
    )
