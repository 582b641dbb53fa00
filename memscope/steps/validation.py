"""`memscope score --validate`: does the population estimate help on these data? Each half of the models is asked."""

import os
from typing import Any

import numpy as np

from memscope.analysis.population import population_from_sums
from memscope.analysis.population_check import Half, block_noise, check_halves
from memscope.errors import RunError
from memscope.run import open_run
from memscope.steps.counting import SizeCounts, sizes_in_ledger
from memscope.steps.population import count_and_sum
from memscope.steps.score import number

FEWEST_BLOCKS = 4


def validate(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Predict each half's raw scores from the other half of the blocks of models; keys in docs/format.md.

    RunError with fewer than four blocks at some size.
    """
    run = open_run(path)
    sizes = sizes_in_ledger(run)
    counts, sums = count_and_sum(run, sizes, halves=2)
    blocks = sorted(set.intersection(*(set(one.blocks) for one in counts)))
    halves = [[block for block in blocks if block % 2 == part] for part in (0, 1)]
    if min(map(len, halves)) < FEWEST_BLOCKS // 2:
        raise RunError(
            f"{run.path} has {len(blocks)} blocks of models at every size; --validate needs two in each half; train "
            f"more with memscope train-family {run.path} --models {FEWEST_BLOCKS * run.plan.block}"
        )
    check = check_halves(*(half_of(counts, half, one) for half, one in zip(halves, sums, strict=True)))
    rows = []
    for at, size in enumerate(sizes):
        rows.append(
            {
                "size": size,
                "models": int(np.mean([len(half) for half in halves]) * run.plan.block),
                "squared_error": number(check.squared_error[at]),
                "raw_squared_error": number(check.raw_squared_error[at]),
                "ratio": number(check.ratio[at]),
                "agreement": number(check.agreement[at]),
                "raw_agreement": number(check.raw_agreement[at]),
                "calibration": number(check.calibration[at]),
                "calibration_thirds": [number(value) for value in check.calibration_thirds[at]],
                "helps": bool(check.helps[at]),
                "calibrated": bool(check.calibrated[at]),
            }
        )
    return {"run": str(path), "axis": run.plan.axis, "validation": rows}


def half_of(counts: list[SizeCounts], blocks: list[int], sums: Any) -> Half:
    """What one half of the models says."""
    estimate = population_from_sums(sums)
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
