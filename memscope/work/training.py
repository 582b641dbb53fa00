"""Training tasks and writing them to the ledger: what `train-family` and `distill` share."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from memscope.analysis.statistics.more_models import expected_error
from memscope.engines import Bundle
from memscope.files.atomic import write_atomically
from memscope.plan.subsets import fraction_of
from memscope.plan.teaching import Teaching
from memscope.run import Run
from memscope.store.dynamics import checkpoints_path, dynamics_path, lacking_dynamics
from memscope.store.ledger import ONEHOT, Task, finished_tasks, outcome_digest, outcome_path, read_outcome
from memscope.store.weights import weights_path
from memscope.training.backends import Grouping
from memscope.work.carrying_out import Ended, OnEnd, Work, WorkOptions, carry_out, data_to_send, workers_of
from memscope.work.packing import Packed, Summary
from memscope.work.timing import share_out, spent_on
from memscope.work.training_task import Job, check_variant, open_training


@dataclass
class Trained:
    """What a call of `train_tasks` did."""

    run: Run
    trained: int = 0
    """Models"""
    already: int = 0
    failures: list[tuple[Task, str]] = field(default_factory=list)
    """Tasks that failed twice, and the last line of why"""
    diverged: list[tuple[Task, int]] = field(default_factory=list)
    """This call's models whose loss became NaN or infinite, each with its task"""
    recorded: int = 0
    """Models whose dynamics were written"""
    again: int = 0
    """Of those trained, models that were there, trained again to be recorded"""


def train_tasks(
    run: Run,
    bundles: Sequence[Bundle],
    options: WorkOptions,
    device: str,
    on_end: OnEnd,
    *,
    groups: Mapping[int, Grouping] | None = None,
    for_weights: bool = False,
    teaching: Teaching | None = None,
    record: Collection[Task] = (),
) -> Trained:
    """Train the unfinished tasks of these bundles, and write their outcomes and weights.

    A task is finished when its outcome is in the ledger; with `for_weights`, when its weights are there; one to
    `record`, when its dynamics are, which are written last. `groups` says how models of each size are trained,
    `teaching` how the students among the tasks are taught.
    OptionError, before anything is done, if a task has a variant that is not trained here.
    """
    path, plan = run.path, run.plan
    for task in (task for bundle in bundles for task in bundle):
        check_variant(run.plan, task.variant, teaching)
    job = Job(
        str(run.path.absolute()),
        run.plan,
        device,
        options.keep_weights or for_weights,
        groups or {},
        data_to_send(run, options),
        teaching=teaching,
        record=frozenset(record),
        there={
            task: outcome_digest(read_outcome(path, plan, task))
            for task in record
            if outcome_path(path, plan, task).is_file()
        },
    )
    awaited = {task: lacking_dynamics(path, plan, task) or dynamics_path(path, plan, task) for task in record}

    def path_of(task: Task) -> Path:
        return awaited.get(task) or (weights_path if for_weights else outcome_path)(path, plan, task)

    work = Work(partial(open_training, job), path_of, partial(write_packed, run))
    workers = workers_of(options, device)  # now: a cluster may be gone when the work is done
    with spent_on("waiting"):
        done = carry_out(run, work, bundles, options, device, with_error(run, on_end))
        share_out(spent_by(summary for _, summary in done.told), workers)
    diverged = [(task, model) for task, summary in done.told for model in summary.diverged]
    recorded = [task for task, _ in done.told if task in job.record]
    return Trained(
        run,
        done.models,
        failures=done.failures,
        diverged=diverged,
        recorded=sum(task.count for task in recorded),
        again=sum(task.count for task in recorded if task in job.there),
    )


def with_error(run: Run, on_end: OnEnd) -> OnEnd:
    """`on_end`, told of the standard error to expect as well, at the size with the fewest models on subsets."""
    plan = run.plan
    there = {size: set(finished_tasks(run.path, plan, size)) for size in plan.sizes}

    def ended(end: Ended) -> None:
        for task in end.tasks:
            if not end.failed and (task.variant, task.replicate) == (ONEHOT, 0):
                there[task.size].add(task)  # or is in it, if it was trained again
        fewest = plan.unit * min(map(len, there.values()))
        n_in = int(fewest * fraction_of(plan.fraction))
        known = fewest >= plan.block
        on_end(replace(end, error=expected_error(n_in, fewest - n_in) if known else end.error))

    return ended


def write_packed(run: Run, task: Task, product: Packed) -> Summary:
    """Write the files of a trained task, each record after what it stands for."""
    path, plan = run.path, run.plan
    for file, content in (
        (weights_path(path, plan, task), product.weights),
        (outcome_path(path, plan, task), product.outcome),
        (checkpoints_path(path, plan, task), product.checkpoints),
        (dynamics_path(path, plan, task), product.dynamics),
    ):
        if content is not None:
            write_atomically(file, content)
    return product.summary


def spent_by(summaries: Iterable[Summary]) -> dict[str, float]:
    """Seconds over all the tasks, by what they were spent on."""
    spent = {"training": 0.0, "evaluation": 0.0}
    for summary in summaries:
        for part, seconds in summary.seconds.items():
            spent[part] += seconds
    return spent
