"""Measuring the proxies that need weights: what is missing of some groups, for tasks whose training was recorded."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from memscope.files.atomic import write_atomically
from memscope.run import Run
from memscope.store.dynamics import finished_dynamics, lacking_dynamics
from memscope.store.ledger import ONEHOT, Task, outcome_path
from memscope.store.proxies import proxy_path
from memscope.text import counted
from memscope.work.carrying_out import (
    Done,
    OnEnd,
    Say,
    Work,
    WorkOptions,
    carry_out,
    data_to_send,
    of_shard,
    workers_of,
)
from memscope.work.proxy_task import ProxyJob, group_of, of_group, open_proxy_work
from memscope.work.timing import spent_on


def measurable(run: Run, size: int, variant: str = ONEHOT) -> list[Task]:
    """The tasks of one size whose outcome, dynamics and checkpoints are all there, in the order of their models."""
    path, plan = run.path, run.plan
    return [
        task
        for task in finished_dynamics(path, plan, size, variant)
        if outcome_path(path, plan, task).is_file() and not lacking_dynamics(path, plan, task)
    ]


def measure(
    run: Run,
    tasks_by_size: Mapping[int, Sequence[Task]],
    groups: Sequence[str],
    options: WorkOptions,
    device: str,
    say: Say,
    on_end: OnEnd,
) -> Done:
    """Measure these groups for those of these tasks that have no file of theirs yet; large sizes first.

    Of all the tasks, whatever is there of them, a shard does its own part. Models are counted once for each group, and
    the tasks that failed, and those that `on_end` is told of, are of the variant VARIANT/GROUP.
    """
    every = [task for size in sorted(tasks_by_size, reverse=True) for task in tasks_by_size[size]]
    asked = [of_group(task, group) for group in groups for task in of_shard(options, every)]

    def path_of(task: Task) -> Path:
        group, models = group_of(task)
        return proxy_path(run.path, run.plan, models, group)

    def write(task: Task, content: bytes) -> None:
        write_atomically(path_of(task), content)

    missing = [task for task in asked if not path_of(task).is_file()]
    if not missing:
        return Done()
    named = ", ".join(dict.fromkeys(group_of(task)[0] for task in missing))
    models = counted(sum(task.count for task in {group_of(task)[1] for task in missing}), "model")
    say(f"measuring {named} of {models} with {counted(workers_of(options, device), 'worker')}")
    job = ProxyJob(str(run.path.absolute()), run.plan, device, data_to_send(run, options))
    with spent_on("memories"):
        work = Work(partial(open_proxy_work, job), path_of, write)
        return carry_out(run, work, [(task,) for task in missing], options, device, on_end)
