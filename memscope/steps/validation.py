"""`memscope score --validate`: does the population estimate help on these data? Half of the models predict the rest."""

from collections import Counter
from collections.abc import Collection
from itertools import combinations

import numpy as np

from memscope.analysis.population.check import Half, block_noise, check_halves
from memscope.analysis.population.estimate import population_from_sums
from memscope.analysis.population.sums import PopulationSums
from memscope.counting.outcomes import SizeCounts, sizes_in_ledger
from memscope.counting.population import SEED, count_and_sum
from memscope.errors import RunError
from memscope.reports.score import SizeValidation, Validation
from memscope.run import Run
from memscope.streams import permutation, stream
from memscope.work.timing import spent_on

FEWEST_BLOCKS = 4
HALVINGS = 3
"""Ways to halve the blocks; four blocks have no more. Each takes two estimates, and the sums for them."""


@spent_on("scoring")
def validation(run: Run) -> Validation:
    """Predict each half's raw scores from the other half of the blocks of models.

    RunError if fewer than four blocks are complete at every size.
    """
    sizes = sizes_in_ledger(run)
    blocks = shared_blocks(run, sizes)
    if len(blocks) < FEWEST_BLOCKS:
        raise RunError(
            f"{run.path} has {len(blocks)} blocks of models that are whole at every size; --validate needs two in each "
            f"half; train more with memscope train-family {run.path} --models "
            f"{max(run.plan.models, FEWEST_BLOCKS * run.plan.block)}"
        )
    ways = halvings(blocks)
    parts = [part for way in ways for part in way]
    counts, sums = count_and_sum(run, sizes, parts)
    halves = [half_of(counts, part, one) for part, one in zip(parts, sums, strict=True)]
    check = check_halves(*zip(halves[::2], halves[1::2], strict=True))
    # with an odd number of blocks, one half has one more
    smaller, other = (len(part) * run.plan.block for part in sorted(ways[0], key=len))
    rows = tuple(
        SizeValidation(
            size=size,
            models=smaller,
            models_other_half=other,
            squared_error=float(check.squared_error[at]),
            raw_squared_error=float(check.raw_squared_error[at]),
            ratio=float(check.ratio[at]),
            agreement=float(check.agreement[at]),
            raw_agreement=float(check.raw_agreement[at]),
            calibration=float(check.calibration[at]),
            calibration_spread=float(check.calibration_spread[at]),
            helps=bool(check.helps[at]),
            calibrated=check.calibrated[at],
        )
        for at, size in enumerate(sizes)
    )
    return Validation(validation=rows, calibration_thirds=tuple(map(float, check.calibration_thirds)))


def shared_blocks(run: Run, sizes: Collection[int]) -> list[int]:
    """The blocks in which no model is missing or diverged at any size; scores of other blocks could not be compared."""
    found = []
    for size in sizes:
        good: Counter[int] = Counter()
        for task, outcome in run.outcomes(size):
            good[task.first // run.plan.block] += int((~outcome.diverged).sum())
        found.append({block for block, models in good.items() if models == run.plan.block})
    return sorted(set.intersection(*found))


def halvings(blocks: list[int]) -> list[tuple[list[int], list[int]]]:
    """Ways to halve the blocks: all if there are few, else first every other block and then random halves."""
    half = len(blocks) // 2
    if len(blocks) <= FEWEST_BLOCKS:
        chosen = [list(first) for first in combinations(blocks, half) if blocks[0] in first][:HALVINGS]
    else:
        chosen = [blocks[::2]]
        while len(chosen) < HALVINGS:
            order = permutation(stream("population halves", SEED, len(chosen)), len(blocks))
            chosen.append(sorted(blocks[place] for place in order[:half]))
    return [(first, [block for block in blocks if block not in first]) for first in chosen]


def half_of(counts: list[SizeCounts], blocks: Collection[int], sums: PopulationSums) -> Half:
    """What one half of the models says."""
    estimate = population_from_sums(sums, types=False, shares=False)
    of_blocks = [
        [one.hard.only([position]).score for position, block in enumerate(one.blocks) if block in blocks]
        for one in counts
    ]
    return Half(
        score=estimate.score,
        score_sd=estimate.score_sd,
        raw=np.stack([one.hard_of(blocks).score for one in counts]),
        raw_noise=np.stack([block_noise(scores) for scores in of_blocks]),
    )
