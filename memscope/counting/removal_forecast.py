"""What the arms of a removal will cost, before they are trained."""

import math

import numpy as np

from memscope.reports.removal import ArmFound, ArmsAtSize, ArmsForecast
from memscope.run import Run
from memscope.store.examples import image_cache
from memscope.store.ledger import all_tasks, finished_tasks, read_outcome
from memscope.work.carrying_out import WorkOptions, of_shard
from memscope.work.removal_arms import Arms

LOOKED_AT = 5
"""Files of the ledger, of each size, that say how long a model takes"""


def forecast_of(arms: Arms, found: tuple[ArmFound, ...], options: WorkOptions, workers: int) -> ArmsForecast:
    """The models that are still to be trained, their time if each takes as long as one of the run, and their disk."""
    run = arms.run
    tasks = []
    for arm in arms.arms:
        share = set(of_shard(options, all_tasks(arms.plan(arm))))
        tasks += [task for task in arms.missing(arm) if task in share]
    sizes = tuple(
        ArmsAtSize(
            size=size,
            models=sum(task.count for task in tasks if task.size == size),
            seconds_per_model=seconds_of(run, size),
        )
        for size in run.plan.sizes
    )
    train, test = len(run.examples.labels), len(run.examples.test_labels)
    class_bytes = 1 if len(run.examples.class_names) <= 256 else 2
    outcome = train // 8 + (train + test) * (class_bytes + 2)
    lacking = [arm for arm in arms.arms if not image_cache(arm.path).is_file()]
    images = sum(train - int(arm.removed.sum()) + test for arm in lacking)
    return ArmsForecast(
        run=str(run.path),
        axis=run.plan.axis,
        removed=max(one.removed for one in found),
        by_size=arms.size,
        models=arms.models,
        seed=arms.seed,
        arms=found,
        sizes=sizes,
        workers=workers,
        seconds=sum(each.models * each.seconds_per_model for each in sizes if each.models) / workers,
        outcome_bytes=outcome * sum(each.models for each in sizes),
        image_bytes=images * math.prod(run.examples.image_shape),
    )


def seconds_of(run: Run, size: int) -> float:
    """Median time of a model, as the first files of the ledger have it; NaN where they do not say."""
    tasks = finished_tasks(run.path, run.plan, size)[:LOOKED_AT]
    found = [float(one) for task in tasks for one in read_outcome(run.path, run.plan, task).seconds]
    known = [one for one in found if not math.isnan(one)]
    return float(np.median(known)) if known else math.nan
