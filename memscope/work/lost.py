"""The models that diverged and the tasks that failed, in the form that reports have."""

from collections.abc import Sequence

from memscope.reports.training import DivergedModel, FailedTask
from memscope.store.ledger import Task
from memscope.work.training import Trained


def diverged_models(trained: Trained) -> tuple[DivergedModel, ...]:
    return tuple(
        DivergedModel(variant=task.variant, size=task.size, model=model, replicate=task.replicate)
        for task, model in trained.diverged
    )


def failed_tasks(failures: Sequence[tuple[Task, str]]) -> tuple[FailedTask, ...]:
    return tuple(
        FailedTask(
            variant=task.variant,
            size=task.size,
            first=task.first,
            count=task.count,
            replicate=task.replicate,
            reason=reason,
        )
        for task, reason in failures
    )
